//! A function URL on loopback: HTTP in, its event to the function, the function's answer streamed out.
//!
//! For clients that speak HTTP. It adds no identity and checks nothing, as a URL with `AuthType: NONE` does.

use std::io;

use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    Answer, EntryPoint, FunctionError,
    http_answer::{self, BrokenOff},
    loopback::Loopback,
};

/// A function URL; gone when dropped.
pub struct FunctionUrl {
    /// Ends every connection when dropped.
    server: Loopback,
}

impl FunctionUrl {
    /// Listens on a free port of 127.0.0.1 and hands the event of each request to `invoke`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn serve<I, F>(invoke: I) -> io::Result<Self>
    where
        I: Fn(Value) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Answer, FunctionError>> + Send + 'static,
    {
        let answer = move |request: Request<Incoming>| {
            let invoke = invoke.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| BrokenOff)?.to_bytes();
                let answer =
                    invoke(EntryPoint::FunctionUrl.event(&Request::from_parts(head, body), None)).await;
                let answer = answer.map_err(|_| BrokenOff)?;
                Ok::<_, BrokenOff>(http_answer::response(answer, None, ()))
            }
        };
        Ok(Self { server: Loopback::serve(answer)? })
    }

    /// Its address: `http://127.0.0.1:<port>/`.
    pub fn url(&self) -> String {
        self.server.url() + "/"
    }
}
