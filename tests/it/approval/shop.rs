//! An endpoint of a shop whose tools need approvals or ask questions, with a ledger of what they did, and a client that can
//! change every request.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use ag_ui_lambda::agent::{Agent, RunRequest};
use ag_ui_lambda::approval::{ApprovalKeys, Approvals, ReplayStore, ReplayStoreError, Reservation};
use ag_ui_lambda::auth::{ClaimSource, Claims, Principal};
use ag_ui_lambda::endpoint::Endpoint;
use ag_ui_lambda::model::{CallResult, ModelErrorKind, Request, Script, Scripted, Turn};
use ag_ui_lambda::protocol::{InputLimits, RunAgentInput};
use ag_ui_lambda::secrets::{SecretError, SecretSource, SecretVersion, Stage};
use ag_ui_lambda::tool::{Decision, Interrupts, MissingGrant, NoArgs, Tool, ToolContext, ToolError, tool_fn};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::support::endpoint::next_frame;
use crate::support::sse::events;
use crate::support::{event_order, outline};

pub(super) const KEY: &str = "0123456789abcdef0123456789abcdef";
/// The path of the second agent.
const SECOND_AGENT: &str = "/second";
/// The text that the model reads in place of a result whose signature is missing or invalid.
pub(super) const UNVERIFIED: &str = "The result of this call could not be verified.";
/// The time at which the tests begin, in seconds since the Unix epoch.
const START_TIME: u64 = 1_800_000_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundArgs {
    order_id: String,
    amount: f64,
}

/// The arguments of `price` after a redeployment.
#[derive(Debug, Deserialize, JsonSchema)]
struct SmallPriceArgs {
    #[schemars(range(max = 15))]
    amount: f64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Size {
    #[schemars(range(min = 36, max = 46))]
    size: u8,
}

/// The caller that the tools see.
#[derive(Debug)]
pub(super) struct Clerk {
    may_refund: bool,
    limit: f64,
}

/// What the tools did: each entry has the tool, its arguments or its answer, and the idempotency key.
pub(super) type Ledger = Arc<Mutex<Vec<(String, Value, Option<String>)>>>;

/// The settings of the endpoint, and what its tools and its model have recorded.
#[derive(Clone)]
pub(super) struct Shop {
    pub(super) key: Option<&'static str>,
    /// The source of the key, in place of `key`, if the key is rotated.
    pub(super) secret: Option<RotatingKey>,
    pub(super) replay_store: Option<ReplayStoreDouble>,
    /// The current time, in seconds since the Unix epoch.
    pub(super) now: Arc<AtomicU64>,
    pub(super) ledger: Ledger,
    pub(super) requires_signed_results: bool,
    /// The requests that the model received, turn by turn.
    pub(super) requests: Arc<Mutex<Vec<Request>>>,
    /// Whether interrupts contain `expiresAt`.
    pub(super) send_expires_at: bool,
    /// Whether this is the version after a redeployment: `shoes` asks another question, and `price` accepts only small prices.
    pub(super) is_redeployed: bool,
}

/// A tool that refunds an order or sets its price. Whether a call needs an approval depends on the clerk's limit.
struct Refund {
    name: &'static str,
    is_editable: bool,
    ledger: Ledger,
}

impl Tool<Clerk> for Refund {
    type Args = RefundArgs;
    type Output = Value;

    fn name(&self) -> &str {
        self.name
    }

    fn description(&self) -> &str {
        "Does something for money."
    }

    fn authorize_caller(&self, clerk: &Clerk) -> Result<(), MissingGrant> {
        if clerk.may_refund { Ok(()) } else { Err(MissingGrant::Permission) }
    }

    fn interrupts(&self) -> Interrupts {
        Interrupts::default().approval(true).editable(self.is_editable)
    }

    fn authorize(&self, clerk: &Clerk, args: &RefundArgs) -> Decision {
        if args.amount > clerk.limit {
            return Decision::Deny("This is beyond your limit.".into());
        }
        if args.amount < 1.0 { Decision::Allow } else { Decision::RequireApproval }
    }

    async fn call(&self, context: ToolContext<Clerk>, args: RefundArgs) -> Result<Value, ToolError> {
        let done = json!({ "order_id": args.order_id, "amount": args.amount });
        let key = context.idempotency_key().map(ToOwned::to_owned);
        self.ledger.lock().unwrap().push((self.name.into(), done.clone(), key));
        Ok(done)
    }
}

impl Shop {
    /// Returns the shop with a literal key and without a replay store.
    pub(super) fn new() -> Self {
        Self {
            key: Some(KEY),
            secret: None,
            replay_store: None,
            now: Arc::new(AtomicU64::new(START_TIME)),
            ledger: Ledger::default(),
            requires_signed_results: false,
            requests: Arc::default(),
            send_expires_at: false,
            is_redeployed: false,
        }
    }

    /// Returns the same shop after a redeployment.
    pub(super) fn redeployed(&self) -> Self {
        Self { is_redeployed: true, ..self.clone() }
    }

    /// Returns what the tools did, without the idempotency keys.
    pub(super) fn executed_calls(&self) -> Vec<(String, Value)> {
        let ledger = self.ledger.lock().unwrap();
        ledger.iter().map(|(tool, done, _)| (tool.clone(), done.clone())).collect()
    }

    /// Returns the idempotency key of each call that ran.
    pub(super) fn idempotency_keys(&self) -> Vec<Option<String>> {
        self.ledger.lock().unwrap().iter().map(|(_, _, key)| key.clone()).collect()
    }

    /// Builds an endpoint with the current settings.
    pub(super) fn endpoint(&self) -> Endpoint<Clerk> {
        let ledger = Arc::clone(&self.ledger);
        let small_price = move |_: ToolContext<Clerk>, args: SmallPriceArgs| {
            ledger.lock().unwrap().push(("price".into(), args.amount.into(), None));
            async move { Ok("set") }
        };
        let (ledger, is_redeployed) = (Arc::clone(&self.ledger), self.is_redeployed);
        let shoes = move |context: ToolContext<Clerk>, _: NoArgs| {
            let size =
                context.ask::<Size>(if is_redeployed { "Which size, for children?" } else { "Which size?" });
            let key = context.idempotency_key().map(ToOwned::to_owned);
            if let Ok(size) = &size {
                ledger.lock().unwrap().push(("shoes".into(), size.size.into(), key));
            }
            async move { Ok(json!({ "ordered": size?.size })) }
        };
        let choose = async |context: ToolContext<Clerk>, _: NoArgs| {
            let size: Size = context.ask("Which size?")?;
            Ok(json!({ "chosen": size.size }))
        };
        let requests = Arc::clone(&self.requests);
        let model = Scripted::new(move |request| {
            requests.lock().unwrap().push(request.clone());
            scripted_turn(request)
        });
        let mut agent = Agent::builder(model)
            .send_expires_at(self.send_expires_at)
            .tool(Refund { name: "refund", is_editable: false, ledger: Arc::clone(&self.ledger) })
            .tool(tool_fn("shoes", "Orders shoes.", shoes).needs_approval().may_ask())
            .tool(
                tool_fn("choose", "Asks.", choose).needs_approval_if(|clerk, _| !clerk.may_refund).may_ask(),
            )
            .tool(tool_fn("look", "Looks.", async |_: ToolContext<Clerk>, _: NoArgs| Ok("seen")));
        agent = match self.is_redeployed {
            true => agent.tool(tool_fn("price", "Sets a small price.", small_price).needs_approval()),
            false => {
                agent.tool(Refund { name: "price", is_editable: true, ledger: Arc::clone(&self.ledger) })
            }
        };
        if let Some(key) = self.key {
            let now = Arc::clone(&self.now);
            let clock = move || UNIX_EPOCH + Duration::from_secs(now.load(Ordering::SeqCst));
            let keys = match &self.secret {
                Some(secret) => ApprovalKeys::from_source(secret.clone()),
                None => ApprovalKeys::literal(key.into()).unwrap(),
            };
            let mut approvals = Approvals::new(keys).clock(clock);
            if let Some(store) = &self.replay_store {
                approvals = approvals.replay_store(store.clone());
            }
            agent = agent.approvals(approvals);
        }
        if self.requires_signed_results {
            agent = agent.require_signed_results(true);
        }
        let clerk = |claims: &Claims| {
            let limit = claims.value("limit").and_then(Value::as_f64).unwrap_or(1000.0);
            Ok(Clerk { may_refund: claims.list("scope").iter().any(|scope| scope == "refunds"), limit })
        };
        let agent = agent.build().unwrap();
        let endpoint = Endpoint::builder(agent.clone(), clerk).agent_at(SECOND_AGENT, agent);
        // Some tests send thousands of forged calls and answers, more than an endpoint accepts by default.
        endpoint.without_auth().input_limits(InputLimits::unlimited()).build().unwrap()
    }

    /// Sends a request to a new endpoint.
    pub(super) async fn send(&self, request: &ShopRequest) -> ShopResponse {
        Self::send_to(&self.endpoint(), request).await
    }

    /// Sends a request to an endpoint that may have served others before, and checks the order of the events.
    pub(super) async fn send_to(endpoint: &Endpoint<Clerk>, request: &ShopRequest) -> ShopResponse {
        let mut http_request = http::Request::post(request.path)
            .header("content-type", "application/json")
            .body(Bytes::from(request.input.to_string()))
            .unwrap();
        if let Some((source, Value::Object(claims))) = request.claims.clone() {
            http_request.extensions_mut().insert(Claims::new(source, claims));
        }
        let response = endpoint.handle(http_request).await;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let mut text = String::new();
        while let Some(frame) = next_frame(&mut body).await {
            text.push_str(&frame);
        }
        let events = if status == 200 { events(&text) } else { Vec::new() };
        if status == 200 {
            assert_eq!(
                event_order::check_run(&request.input, &events),
                Ok(()),
                "\n{}",
                outline::outline(&events)
            );
        }
        ShopResponse { status, text, events }
    }
}

/// Plays a turn of the model: it makes the calls that the user lists as JSON, `[["refund", {...}], ...]`.
fn scripted_turn(request: &Request) -> Script {
    if let Some(Turn::Results(results)) = request.history.last() {
        let is_unverified = |result: &CallResult| result.content.text() == UNVERIFIED;
        return Script::new().text(if results.iter().any(is_unverified) { "Unverified." } else { "Done." });
    }
    let text = request.last_user_text();
    if text == "fail" {
        return Script::new().fail(ModelErrorKind::Refused);
    }
    let calls: Vec<(String, Value)> = serde_json::from_str(&text).unwrap_or_default();
    let script = calls.iter().zip(1..).fold(Script::new(), |script, ((tool, arguments), number)| {
        script.call(&format!("c{number}"), tool, arguments)
    });
    if calls.is_empty() { script.text("Hello.") } else { script }
}

/// Runs an agent for an anonymous caller, always with the same thread and run ids.
pub(super) async fn run_agent(agent: &Agent<()>, messages: &Value, resume: Value) -> Vec<Value> {
    let input = json!({
        "threadId": "t", "runId": "r", "protocolVersion": "1.0", "messages": messages, "resume": resume,
    });
    let input = RunAgentInput::read(input).unwrap().input;
    let run = agent.run(RunRequest::new((), input).principal(Principal::anonymous())).await.unwrap();
    run.map(|event| serde_json::to_value(event).unwrap()).collect().await
}

/// A request that a test can change before it is sent.
#[derive(Debug, Clone)]
pub(super) struct ShopRequest {
    pub(super) input: Value,
    pub(super) claims: Option<(ClaimSource, Value)>,
    /// The path of the agent that is asked.
    pub(super) path: &'static str,
}

/// A response that was read to its end.
#[derive(Debug)]
pub(super) struct ShopResponse {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) events: Vec<Value>,
}

/// Returns the request of Ada, who may refund. It makes the model call these tools.
pub(super) fn request_calls(calls: &[(&str, Value)]) -> ShopRequest {
    let claims = json!({"iss": "idp", "custom:org_id": "acme", "sub": "ada", "scope": "refunds"});
    ShopRequest {
        input: json!({
            "threadId": "t", "runId": "r1", "protocolVersion": "1.0",
            "messages": [{"id": "u1", "role": "user", "content": json!(calls).to_string()}],
        }),
        claims: Some((ClaimSource::UserToken, claims)),
        path: "/",
    }
}

/// Returns a refund that needs an approval.
pub(super) fn refund_call() -> (&'static str, Value) {
    ("refund", json!({"order_id": "1234", "amount": 20}))
}

impl ShopRequest {
    /// Returns the client's next request after this response: the response's messages are in the history, under a new run id.
    pub(super) fn following(&self, response: &ShopResponse) -> Self {
        let mut next = self.clone();
        next.input["runId"] = format!("{}'", self.input["runId"].as_str().unwrap()).into();
        next.input["resume"] = json!([]);
        let messages = next.input["messages"].as_array_mut().unwrap();
        let mut calls: HashMap<String, usize> = HashMap::new();
        for event in &response.events {
            let id = || event["toolCallId"].as_str().unwrap().to_owned();
            match event["type"].as_str().unwrap() {
                "MESSAGES_SNAPSHOT" => messages.clone_from(event["messages"].as_array().unwrap()),
                "TEXT_MESSAGE_START" => {
                    messages.push(json!({"id": event["messageId"], "role": "assistant", "content": "..."}));
                }
                "TOOL_CALL_START" => {
                    calls.insert(id(), messages.len());
                    let function = json!({"name": event["toolCallName"], "arguments": ""});
                    let call = json!({"id": id(), "type": "function", "function": function});
                    let parent = format!("{}-{}", event["parentMessageId"].as_str().unwrap(), id());
                    messages.push(json!({"id": parent, "role": "assistant", "toolCalls": [call]}));
                }
                "TOOL_CALL_ARGS" => {
                    let arguments = &mut messages[calls[&id()]]["toolCalls"][0]["function"]["arguments"];
                    let delta = event["delta"].as_str().unwrap();
                    *arguments = format!("{}{delta}", arguments.as_str().unwrap()).into();
                }
                "TOOL_CALL_RESULT" => messages.push(json!({
                    "id": event["messageId"], "role": "tool", "toolCallId": id(), "content": event["content"],
                    "metadata": event["metadata"],
                })),
                _ => {}
            }
        }
        next
    }

    /// Moves all calls into one message of the assistant, as the official clients do with the calls of a turn.
    pub(super) fn with_calls_in_one_message(mut self) -> Self {
        let messages = std::mem::take(self.messages());
        let (with_calls, mut others): (Vec<Value>, Vec<Value>) =
            messages.into_iter().partition(|message| message["toolCalls"].is_array());
        let calls: Vec<Value> = with_calls.iter().map(|message| message["toolCalls"][0].clone()).collect();
        let place = others.iter().position(|message| message["role"] == "tool").unwrap_or(others.len());
        others.insert(place, json!({"id": "a1", "role": "assistant", "toolCalls": calls}));
        *self.messages() = others;
        self
    }

    /// Adds an answer with this payload.
    pub(super) fn resolve(mut self, id: &Value, payload: Value) -> Self {
        let entry = json!({"interruptId": id, "status": "resolved", "payload": payload});
        self.input["resume"].as_array_mut().unwrap().push(entry);
        self
    }

    /// Adds an approval.
    pub(super) fn approve(self, id: &Value) -> Self {
        self.resolve(id, json!({"approved": true}))
    }

    /// Adds a cancellation.
    pub(super) fn cancel(mut self, id: &Value) -> Self {
        self.input["resume"].as_array_mut().unwrap().push(json!({"interruptId": id, "status": "cancelled"}));
        self
    }

    /// Returns the history.
    pub(super) fn messages(&mut self) -> &mut Vec<Value> {
        self.input["messages"].as_array_mut().unwrap()
    }

    /// Returns the call with this number, counted from 0 over the messages with calls.
    pub(super) fn history_call(&mut self, number: usize) -> &mut Value {
        let calls = self.messages().iter_mut().filter(|message| message["toolCalls"].is_array());
        &mut { calls }.nth(number).unwrap()["toolCalls"][0]
    }

    /// Sends the request to the second agent, which has the same tools and the same key.
    pub(super) fn at_second_agent(self) -> Self {
        Self { path: SECOND_AGENT, ..self }
    }

    /// Sets a verified claim.
    pub(super) fn with_claim(mut self, name: &str, value: Value) -> Self {
        self.claims.as_mut().unwrap().1[name] = value;
        self
    }
}

impl ShopResponse {
    /// Formats the events, one line for each.
    pub(super) fn outline(&self) -> String {
        outline::outline(&self.events)
    }

    /// Returns the interrupts that the run ended with.
    pub(super) fn interrupts(&self) -> Vec<Value> {
        let end = self.events.last().unwrap_or(&Value::Null);
        end["outcome"]["interrupts"].as_array().cloned().unwrap_or_default()
    }

    /// Returns the id of the only interrupt.
    pub(super) fn interrupt_id(&self) -> Value {
        let [interrupt] = &self.interrupts()[..] else { panic!("one interrupt: {}", self.text) };
        interrupt["id"].clone()
    }

    /// Returns the result of a call, parsed if it is JSON.
    pub(super) fn result_of(&self, call: &str) -> Option<Value> {
        let is_result = |event: &&Value| event["type"] == "TOOL_CALL_RESULT" && event["toolCallId"] == call;
        let text = self.events.iter().find(is_result)?["content"].as_str()?;
        Some(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
    }
}

/// A source of a key that can be rotated. It counts how often it is read.
#[derive(Clone)]
pub(super) struct RotatingKey {
    /// The current value and the previous one.
    versions: Arc<Mutex<(String, Option<String>)>>,
    reads: Arc<AtomicU64>,
}

impl RotatingKey {
    /// Creates a source whose current version has this key.
    pub(super) fn new(key: &str) -> Self {
        Self { versions: Arc::new(Mutex::new((secret(key), None))), reads: Arc::default() }
    }

    /// Makes this the current key, and the current key the previous one.
    pub(super) fn rotate(&self, key: &str) {
        let mut versions = self.versions.lock().unwrap();
        let before = std::mem::replace(&mut versions.0, secret(key));
        versions.1 = Some(before);
    }

    /// Returns how often a version was read.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

/// Returns the secret's text for a key.
fn secret(key: &str) -> String {
    json!({ "key": key }).to_string()
}

impl SecretSource for RotatingKey {
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let (current, previous) = self.versions.lock().unwrap().clone();
        let value = match stage {
            Stage::Current => Some(current),
            _ => previous,
        };
        let version = value.map(|value| SecretVersion { value: value.into(), created: UNIX_EPOCH });
        async move { Ok(version) }.boxed()
    }
}

/// A replay store in memory, which can fail.
#[derive(Clone, Default)]
pub(super) struct ReplayStoreDouble {
    pub(super) reservations: Arc<Mutex<HashMap<String, Option<String>>>>,
    pub(super) is_failing: bool,
    pub(super) fails_to_store_outcomes: bool,
    /// If set, reservations wait for each other until there are as many as the barrier needs.
    pub(super) barrier: Option<Arc<Barrier>>,
}

impl ReplayStoreDouble {
    /// Waits at the barrier, if there is one.
    async fn wait_for_others(&self) {
        if let Some(barrier) = &self.barrier {
            barrier.wait().await;
        }
    }
}

impl ReplayStore for ReplayStoreDouble {
    fn reserve<'a>(
        &'a self,
        approval: &'a str,
        _: u64,
    ) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
        async move {
            if self.is_failing {
                return Err(ReplayStoreError::new("down"));
            }
            self.wait_for_others().await;
            let before = match self.reservations.lock().unwrap().entry(approval.to_owned()) {
                Entry::Occupied(claimed) => Some(claimed.get().clone()),
                Entry::Vacant(free) => {
                    free.insert(None);
                    None
                }
            };
            self.wait_for_others().await;
            Ok(before.map_or(Reservation::New, |outcome| Reservation::Seen { outcome }))
        }
        .boxed()
    }

    fn lookup<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
        async move {
            if self.is_failing {
                return Err(ReplayStoreError::new("down"));
            }
            let found = self.reservations.lock().unwrap().get(approval).cloned();
            Ok(found.map_or(Reservation::New, |outcome| Reservation::Seen { outcome }))
        }
        .boxed()
    }

    fn store_outcome<'a>(
        &'a self,
        approval: &'a str,
        outcome: &'a str,
    ) -> BoxFuture<'a, Result<(), ReplayStoreError>> {
        async move {
            if self.fails_to_store_outcomes {
                return Err(ReplayStoreError::new("down"));
            }
            self.reservations.lock().unwrap().insert(approval.to_owned(), Some(outcome.to_owned()));
            Ok(())
        }
        .boxed()
    }
}
