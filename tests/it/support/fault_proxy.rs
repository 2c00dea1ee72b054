//! A door before Secrets Manager that counts what is read and can be shut in several ways.

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

/// How Secrets Manager is out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It answers with its own error.
    Fails,
    /// It asks for fewer calls.
    Throttles,
    /// Nobody listens.
    Refuses,
    /// It answers nothing, until it recovers.
    Hangs,
    /// It does what it is asked, and says so when it recovers.
    AnswersLate,
}

/// moto behind a port of its own, gone when dropped.
pub(crate) struct FaultProxy {
    url: String,
    address: SocketAddr,
    /// Holds the port, so that nobody else listens there while this proxy does not. A raw socket, because it is bound only.
    _port: TcpSocket,
    /// None while nobody listens.
    server: Mutex<Option<Loopback>>,
    door: Door,
}

#[derive(Clone)]
struct Door {
    moto: &'static str,
    client: reqwest::Client,
    /// Held while moto is asked: it does not do two things at once as DynamoDB does.
    turn: Arc<Mutex<()>>,
    fault: watch::Sender<Option<Fault>>,
    /// The stage of each read that came, answered or not.
    reads: watch::Sender<Vec<String>>,
}

impl FaultProxy {
    /// A proxy to the moto of this process, in order or not.
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
            door: Door {
                moto: &Moto::shared().url,
                client: reqwest::Client::new(),
                turn: Arc::default(),
                fault: watch::Sender::new(None),
                reads: watch::Sender::default(),
            },
        };
        proxy.set(fault).await;
        proxy
    }

    /// Puts Secrets Manager out of order, or in order again.
    pub(crate) async fn set(&self, fault: Option<Fault>) {
        let mut server = self.server.lock().await;
        if fault == Some(Fault::Refuses) {
            if let Some(server) = server.take() {
                server.close().await;
            }
        } else if server.is_none() {
            let door = self.door.clone();
            let answer = move |request| door.clone().answer(request);
            *server = Some(Loopback::serve_on(self.address.port(), answer).unwrap());
        }
        self.door.fault.send_replace(fault);
    }

    /// The stages read so far, in order.
    pub(crate) fn reads(&self) -> Vec<String> {
        self.door.reads.borrow().clone()
    }

    /// Waits until a read has come.
    pub(crate) async fn has_been_read(&self) {
        self.has_been_read_by(1).await;
    }

    /// Waits until so many reads have come.
    pub(crate) async fn has_been_read_by(&self, readers: usize) {
        let mut reads = self.door.reads.subscribe();
        reads.wait_for(|reads| reads.len() >= readers).await.unwrap();
    }

    /// Starts the template's function with the token in this secret, read through this proxy.
    pub(crate) async fn function(&self, secret: &str, more: &[(&str, &str)]) -> Function {
        let moto = Moto::shared().env();
        let variables = [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AGUI_TOKEN_SECRET_ID", secret),
            ("AGUI_MODEL", "scripted/demo"),
        ];
        function(moto.iter().chain(&variables).chain(more)).await
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Door {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let read: Value = serde_json::from_slice(&body).unwrap();
        let stage = read["VersionStage"].as_str().unwrap_or("none").to_owned();
        self.reads.send_modify(|reads| reads.push(stage));
        let fault = *self.fault.borrow();
        match fault {
            Some(Fault::Fails) => {
                return Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError"));
            }
            Some(Fault::Throttles) => return Ok(refusal(StatusCode::BAD_REQUEST, "ThrottlingException")),
            _ => {}
        }
        let mut fault = self.fault.subscribe();
        fault.wait_for(|fault| *fault != Some(Fault::Hangs)).await.unwrap();
        let mut headers = head.headers;
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        let forward = self.client.post(self.moto).headers(headers).body(body);
        let answer = {
            let _turn = self.turn.lock().await;
            forward.send().await.unwrap()
        };
        fault.wait_for(|fault| *fault != Some(Fault::AnswersLate)).await.unwrap();
        Ok(response(answer.status(), answer.bytes().await.unwrap()))
    }
}

fn refusal(status: StatusCode, kind: &str) -> Response<Full<Bytes>> {
    response(status, format!(r#"{{"__type":"{kind}","Message":"out of order"}}"#).into())
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    response.body(Full::new(body)).unwrap()
}
