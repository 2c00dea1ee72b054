//! A function URL on this machine: an HTTP server that makes an event of each request and streams the function's response.
//!
//! It is for clients that speak HTTP. It adds no identity and checks nothing, as a function URL with `AuthType: NONE` does.

use std::io;

use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    EntryPoint, FunctionError, FunctionResponse,
    http_response::{self, BrokenOffError},
    loopback::Loopback,
};

/// An HTTP server on 127.0.0.1 that acts as a function URL. It ends when it is dropped.
pub struct FunctionUrl {
    /// Ends every connection when dropped.
    server: Loopback,
}

impl FunctionUrl {
    /// Listens on a free port of 127.0.0.1, makes an event of each HTTP request, calls `invoke` with the event, and streams
    /// the response that `invoke` returns.
    ///
    /// If `invoke` returns an error, the connection is closed without a response.
    ///
    /// # Errors
    /// Returns an error if there is no free port.
    pub async fn serve<I, F>(invoke: I) -> io::Result<Self>
    where
        I: Fn(Value) -> F + Clone + Send + 'static,
        F: Future<Output = Result<FunctionResponse, FunctionError>> + Send + 'static,
    {
        let respond = move |request: Request<Incoming>| {
            let invoke = invoke.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| BrokenOffError)?.to_bytes();
                let response =
                    invoke(EntryPoint::FunctionUrl.event(&Request::from_parts(head, body), None)).await;
                let response = response.map_err(|_| BrokenOffError)?;
                Ok::<_, BrokenOffError>(http_response::to_response(response, None, ()))
            }
        };
        Ok(Self { server: Loopback::serve(respond)? })
    }

    /// Returns the address of the server: `http://127.0.0.1:<port>/`.
    pub fn url(&self) -> String {
        self.server.url() + "/"
    }
}
