//! The endpoint as a complete server: any body leads to a refusal with a code, or to a run with one valid end.
//!
//! The demo model calls the tools of the client with arguments that it makes from their schemas, so schemas are read, too.

use std::time::Duration;

use ag_ui_lambda::auth::{AuthMode, Claims};
use ag_ui_lambda::endpoint::DeveloperHints;
use ag_ui_lambda::{Endpoint, demo};

use super::Session;
use super::agents::{Ledger, agent, paused_runtime, run_request};
use super::read_inputs::body;
use crate::responses::serve;
use crate::valid::Inputs;

/// Prepares the target.
pub(super) fn start(seed: u64) -> Session {
    let runtime = paused_runtime();
    let inputs = Inputs::new(seed);
    let endpoints = runtime.block_on(async { endpoints() });
    Box::new(move |choices| {
        let body = body(choices, &inputs);
        choices.show("body", &body);
        let endpoint = choices.one_of(&endpoints);
        let request = run_request(body);
        let served = runtime.block_on(serve(endpoint, request))?;
        Ok(served.outcome)
    })
}

/// Creates endpoints with different settings.
fn endpoints() -> Vec<Endpoint<()>> {
    let agent = || agent(demo(Duration::ZERO), &Ledger::default());
    let plain = agent().build().unwrap();
    let with_snapshots = agent().emit_messages_snapshot(true).expose_state(true).emit_predict_state(true);
    let strict = agent().require_signed_results(true).send_expires_at(true);
    [plain, with_snapshots.build().unwrap(), strict.build().unwrap()]
        .into_iter()
        .enumerate()
        .map(|(index, agent)| {
            let endpoint = Endpoint::builder(agent, |_: &Claims| Ok(())).require(AuthMode::Authorizer);
            let endpoint =
                if index == 0 { endpoint.developer_hints(DeveloperHints::new()) } else { endpoint };
            endpoint.build().unwrap()
        })
        .collect()
}
