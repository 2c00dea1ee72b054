//! The requests to model providers: whatever the input, the adapter of each wire writes the conversation and nothing else.

use std::sync::{Arc, Mutex};

use ag_ui_dev::provider::Wire;
use ag_ui_lambda::Endpoint;
use ag_ui_lambda::auth::{AuthMode, Claims};
use ag_ui_lambda::model::{
    Bedrock, Credentials, Delta, DeltaStream, HttpModel, Model, Provider, Request, StopReason,
};
use ag_ui_lambda::protocol::PartKind;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use test_support::provider::model;

use super::Session;
use super::agents::{Ledger, agent, paused_runtime, run_request};
use super::read_inputs::body;
use crate::responses::serve;
use crate::valid::Inputs;
use crate::wire_requests::{check_request, check_size};

/// An address that is not the provider's own, so that no address of a picture may be sent there. Nothing is sent.
const OTHER_ADDRESS: &str = "http://127.0.0.1:9/v1";

/// The deepest body that is read; serde_json reads no deeper one.
const MAX_READ_DEPTH: usize = 127;

/// The largest body that is read, since its values take a hundred times as much memory.
const MAX_READ_BYTES: usize = 500_000;

/// Changes the body of a request before it is checked, for a planted fault: the wire, the input, and the body.
pub(super) type Change = fn(Wire, &[u8], &mut Value);

/// The last request of a model, and its body.
type Sent = Arc<Mutex<Option<(Request, Bytes)>>>;

/// Prepares the target.
pub(super) fn start(seed: u64) -> Session {
    session(seed, |_, _, _| {})
}

/// Prepares the target with a change of each body.
pub(super) fn session(seed: u64, change: Change) -> Session {
    let runtime = paused_runtime();
    let inputs = Inputs::new(seed);
    let sent: Sent = Arc::default();
    let endpoints =
        runtime.block_on(async { Wire::ALL.map(|wire| (wire, endpoint(wire, Arc::clone(&sent)))) });
    Box::new(move |choices| {
        let (wire, endpoint) = choices.one_of(&endpoints);
        let input = body(choices, &inputs);
        choices.show(&format!("input for {wire:?}"), &input);
        let served = runtime.block_on(serve(endpoint, run_request(input.clone())))?;
        if let Some((request, body)) = sent.lock().unwrap().take() {
            let text = std::str::from_utf8(&body).map_err(|_| "a request is not UTF-8")?;
            let depth = check_size(text, input.len())?;
            if depth <= MAX_READ_DEPTH && text.len() <= MAX_READ_BYTES {
                let mut body = serde_json::from_str(text).map_err(|error| format!("a request: {error}"))?;
                change(*wire, &input, &mut body);
                check_request(*wire, &request, &body)
                    .map_err(|rule| format!("{wire:?}: {}", rule.chars().take(2000).collect::<String>()))?;
            }
        }
        Ok(served.outcome)
    })
}

/// Creates an endpoint whose model writes its requests over this wire.
fn endpoint(wire: Wire, sent: Sent) -> Endpoint<()> {
    let (adapter, id) = model(wire).split_once('/').unwrap();
    let writer = match Provider::named(adapter) {
        Some(provider) => {
            let model = HttpModel::new(provider, id, Credentials::None);
            Writer::Http(model.base_url(OTHER_ADDRESS).unwrap())
        }
        None => Writer::Bedrock(Bedrock::new(id)),
    };
    let agent = agent(WriterModel { writer, sent }, &Ledger::default()).build().unwrap();
    Endpoint::builder(agent, |_: &Claims| Ok(())).require(AuthMode::Authorizer).build().unwrap()
}

/// The adapter that writes a request.
enum Writer {
    Http(HttpModel),
    Bedrock(Bedrock),
}

/// A model that writes its requests as an adapter does, and answers them itself.
struct WriterModel {
    writer: Writer,
    sent: Sent,
}

impl WriterModel {
    /// Returns the adapter as a model.
    fn adapter(&self) -> &dyn Model {
        match &self.writer {
            Writer::Http(model) => model,
            Writer::Bedrock(model) => model,
        }
    }
}

impl Model for WriterModel {
    /// Returns the name of the adapter's model.
    fn name(&self) -> &str {
        self.adapter().name()
    }

    /// Keeps the request with its body, and answers with a short turn.
    fn stream(&self, request: &Request) -> DeltaStream {
        let body = match &self.writer {
            Writer::Http(model) => model.request_body(request),
            Writer::Bedrock(model) => model.request_body(request),
        };
        *self.sent.lock().unwrap() = Some((request.clone(), body));
        stream::iter([Ok(Delta::Text("Done.".to_owned())), Ok(Delta::End(StopReason::Complete))]).boxed()
    }

    /// Returns whether the adapter's model can read the part.
    fn accepts(&self, part: &PartKind) -> bool {
        self.adapter().accepts(part)
    }
}
