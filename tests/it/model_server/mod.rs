//! `make test-model`: the function's binary in front of a real model server, which `OPENAI_BASE_URL` names.
//!
//! All other tests use stand-ins for providers. This one uses a real model server, so it is ignored unless it is requested. It
//! prints a line for each wire and check. A check passes only if the behaviour was observed: a model that made no call has not
//! passed the checks of calls.

mod checks;
mod conversation;
mod cut_proxy;
mod report;
mod server;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt as _;

use self::report::{Outcome, Report};
use self::server::{Server, WIRES};

#[tokio::test]
#[ignore = "needs a model server: `make test-model`"]
async fn model_server_works_with_the_function() {
    let server = Server::from_env().await.unwrap_or_else(|fault| panic!("{fault}"));
    let mut report = Report::begin(&server);
    for wire in WIRES {
        if !server.has(wire).await {
            report.row(wire, "every check", Outcome::NotThere, None);
            continue;
        }
        for (name, check) in checks::ALL {
            let began = Instant::now();
            let outcome = AssertUnwindSafe(check(&server, wire)).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| Outcome::failed("it panicked: see above"));
            report.row(wire, name, outcome, Some(began.elapsed()));
        }
    }
    report.end();
}
