//! A proxy in front of moto's Secrets Manager that counts reads and can fail in several ways.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use ag_ui_dev::loopback::Loopback;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::sync::{Mutex, watch};

use super::function::{Function, function};
use super::moto::Moto;

/// How Secrets Manager fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It responds with an internal error.
    InternalError,
    /// It throttles the calls.
    Throttled,
    /// It responds that the role may not read the secret.
    AccessDenied,
    /// Nothing listens at its address.
    ConnectionRefused,
    /// It does not respond before the fault is removed.
    NoResponse,
    /// It handles the request, but sends the response only after the fault is removed.
    LateResponse,
}

/// A proxy to moto at a port of its own. It stops when it is dropped.
pub(crate) struct FaultProxy {
    url: String,
    address: SocketAddr,
    /// Reserves the port while the proxy does not listen. It is a raw socket because it is only bound.
    _port: TcpSocket,
    /// The server; `None` while the proxy does not listen.
    server: Mutex<Option<Loopback>>,
    forwarder: Forwarder,
}

#[derive(Clone)]
struct Forwarder {
    moto: &'static str,
    client: reqwest::Client,
    /// Held during a request to moto, which does not handle two requests at once as DynamoDB does.
    turn: Arc<Mutex<()>>,
    fault: watch::Sender<Option<Fault>>,
    /// The stage of each read received so far, whether or not a response was sent.
    reads: watch::Sender<Vec<String>>,
}

impl FaultProxy {
    /// Starts a proxy to this process's moto, with a fault from the start if one is given.
    pub(crate) async fn new(fault: Option<Fault>) -> Self {
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = port.local_addr().unwrap();
        let proxy = Self {
            url: format!("http://{address}"),
            address,
            _port: port,
            server: Mutex::default(),
            forwarder: Forwarder {
                moto: &Moto::shared().url,
                client: reqwest::Client::new(),
                turn: Arc::default(),
                fault: watch::Sender::new(None),
                reads: watch::Sender::default(),
            },
        };
        proxy.set_fault(fault).await;
        proxy
    }

    /// Sets the fault from now on; `None` removes it, and lets requests that wait because of it continue.
    pub(crate) async fn set_fault(&self, fault: Option<Fault>) {
        let mut server = self.server.lock().await;
        if fault == Some(Fault::ConnectionRefused) {
            if let Some(server) = server.take() {
                server.close().await;
            }
        } else if server.is_none() {
            let forwarder = self.forwarder.clone();
            let answer = move |request| forwarder.clone().answer(request);
            *server = Some(Loopback::serve_on(self.address.port(), answer).unwrap());
        }
        self.forwarder.fault.send_replace(fault);
    }

    /// Returns the stage, such as `AWSCURRENT`, that each request so far has asked for, in order.
    pub(crate) fn reads(&self) -> Vec<String> {
        self.forwarder.reads.borrow().clone()
    }

    /// Waits until the proxy has received at least one request.
    pub(crate) async fn wait_for_read(&self) {
        self.wait_for_reads(1).await;
    }

    /// Waits until the proxy has received at least this many requests.
    pub(crate) async fn wait_for_reads(&self, readers: usize) {
        let mut reads = self.forwarder.reads.subscribe();
        reads.wait_for(|reads| reads.len() >= readers).await.unwrap();
    }

    /// Starts the template's function, which reads its token from `secret` through this proxy. `more` are further
    /// variables.
    pub(crate) async fn function(&self, secret: &str, more: &[(&str, &str)]) -> Function {
        let moto = Moto::shared().env();
        let variables = [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AGUI_TOKEN_SECRET_ID", secret),
            ("AGUI_MODEL", "scripted/demo"),
        ];
        function(moto.iter().chain(&variables).chain(more)).await
    }

    /// Returns the URL of the proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Forwarder {
    /// Records the stage that a request asks for, applies the fault, and otherwise forwards the request to moto.
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let read: Value = serde_json::from_slice(&body).unwrap();
        let stage = read["VersionStage"].as_str().unwrap_or("none").to_owned();
        self.reads.send_modify(|reads| reads.push(stage));
        let fault = *self.fault.borrow();
        match fault {
            Some(Fault::InternalError) => {
                return Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError"));
            }
            Some(Fault::Throttled) => return Ok(refusal(StatusCode::BAD_REQUEST, "ThrottlingException")),
            Some(Fault::AccessDenied) => {
                return Ok(refusal(StatusCode::BAD_REQUEST, "AccessDeniedException"));
            }
            _ => {}
        }
        let mut fault = self.fault.subscribe();
        fault.wait_for(|fault| *fault != Some(Fault::NoResponse)).await.unwrap();
        let mut headers = head.headers;
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        let forward = self.client.post(self.moto).headers(headers).body(body);
        let answer = {
            let _turn = self.turn.lock().await;
            forward.send().await.unwrap()
        };
        fault.wait_for(|fault| *fault != Some(Fault::LateResponse)).await.unwrap();
        Ok(response(answer.status(), answer.bytes().await.unwrap()))
    }
}

/// Returns an error response in the format of AWS. `kind` is the type of the error.
fn refusal(status: StatusCode, kind: &str) -> Response<Full<Bytes>> {
    response(status, format!(r#"{{"__type":"{kind}","Message":"out of order"}}"#).into())
}

/// Returns a response of the AWS JSON protocol with this status and body.
fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    response.body(Full::new(body)).unwrap()
}
