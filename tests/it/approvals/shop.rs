//! An endpoint whose tools need approval or ask, with a ledger of what they did; and a client that can lie.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::approval::{ApprovalKeys, Approvals, Claim, Guard, GuardError, Identity};
use ag_ui_lambda::endpoint::{ClaimSource, Claims, Endpoint};
use ag_ui_lambda::model::{CallResult, ModelErrorKind, Request, Script, Scripted, Turn};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::secret::{SecretError, SecretSource, SecretVersion, Stage};
use ag_ui_lambda::tool::{Approval, Interrupts, Lack, NoArgs, Tool, ToolContext, ToolError, tool_fn};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::support::endpoint::next_frame;
use crate::support::sse::events;
use crate::support::{oracle, outline};

pub(super) const KEY: &str = "0123456789abcdef0123456789abcdef";
/// What the model reads in place of a result that is not the server's.
pub(super) const UNVERIFIED: &str = "The result of this call could not be verified.";
/// When the tests begin, in seconds since the Unix epoch.
const NOON: u64 = 1_800_000_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundArgs {
    order_id: String,
    amount: f64,
}

/// What a later version of the shop takes for a price.
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

/// Who calls, as the tools see it.
#[derive(Debug)]
pub(super) struct Clerk {
    may_refund: bool,
    limit: f64,
}

/// What the tools did: tool, arguments or answer, idempotency key.
pub(super) type Ledger = Arc<Mutex<Vec<(String, Value, Option<String>)>>>;

/// The endpoint, what it is made of, and what happened there.
#[derive(Clone)]
pub(super) struct Shop {
    pub(super) key: Option<&'static str>,
    /// Where the key is in place of that, if it may change.
    pub(super) secret: Option<RotatingKey>,
    pub(super) guard: Option<Book>,
    /// Seconds since the Unix epoch.
    pub(super) now: Arc<AtomicU64>,
    pub(super) ledger: Ledger,
    pub(super) requires_signed_results: bool,
    /// What the model was asked, turn by turn.
    pub(super) requests: Arc<Mutex<Vec<Request>>>,
    /// Whether interrupts say when they expire.
    pub(super) send_expires_at: bool,
    /// Whether it is the later version: its shoes ask otherwise, its prices are small.
    pub(super) is_later: bool,
}

/// Refunds, or sets prices of, orders, for clerks; `approval` looks at their limit.
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

    fn admits(&self, clerk: &Clerk) -> Result<(), Lack> {
        if clerk.may_refund { Ok(()) } else { Err(Lack::Permission) }
    }

    fn interrupts(&self) -> Interrupts {
        Interrupts { approval: true, editable: self.is_editable, ..Interrupts::default() }
    }

    fn approval(&self, clerk: &Clerk, args: &RefundArgs) -> Approval {
        if args.amount > clerk.limit {
            return Approval::Refused("This is beyond your limit.".into());
        }
        if args.amount < 1.0 { Approval::NotNeeded } else { Approval::Needed }
    }

    async fn call(&self, context: ToolContext<Clerk>, args: RefundArgs) -> Result<Value, ToolError> {
        let done = json!({ "order_id": args.order_id, "amount": args.amount });
        let key = context.idempotency_key().map(ToOwned::to_owned);
        self.ledger.lock().unwrap().push((self.name.into(), done.clone(), key));
        Ok(done)
    }
}

impl Shop {
    pub(super) fn new() -> Self {
        Self {
            key: Some(KEY),
            secret: None,
            guard: None,
            now: Arc::new(AtomicU64::new(NOON)),
            ledger: Ledger::default(),
            requires_signed_results: false,
            requests: Arc::default(),
            send_expires_at: false,
            is_later: false,
        }
    }

    /// The same shop after a deployment.
    pub(super) fn later(&self) -> Self {
        Self { is_later: true, ..self.clone() }
    }

    /// What the tools did, without their keys.
    pub(super) fn done(&self) -> Vec<(String, Value)> {
        let ledger = self.ledger.lock().unwrap();
        ledger.iter().map(|(tool, done, _)| (tool.clone(), done.clone())).collect()
    }

    pub(super) fn keys(&self) -> Vec<Option<String>> {
        self.ledger.lock().unwrap().iter().map(|(_, _, key)| key.clone()).collect()
    }

    pub(super) fn endpoint(&self) -> Endpoint<Clerk> {
        let ledger = Arc::clone(&self.ledger);
        let small_price = move |_: ToolContext<Clerk>, args: SmallPriceArgs| {
            ledger.lock().unwrap().push(("price".into(), args.amount.into(), None));
            async move { Ok("set") }
        };
        let (ledger, is_later) = (Arc::clone(&self.ledger), self.is_later);
        let shoes = move |context: ToolContext<Clerk>, _: NoArgs| {
            let size =
                context.ask::<Size>(if is_later { "Which size, for children?" } else { "Which size?" });
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
            turn(request)
        });
        let mut agent = Agent::builder(model)
            .send_expires_at(self.send_expires_at)
            .tool(Refund { name: "refund", is_editable: false, ledger: Arc::clone(&self.ledger) })
            .tool(tool_fn("shoes", "Orders shoes.", shoes).needs_approval().asks())
            .tool(tool_fn("choose", "Asks.", choose).needs_approval_if(|clerk, _| !clerk.may_refund).asks())
            .tool(tool_fn("look", "Looks.", async |_: ToolContext<Clerk>, _: NoArgs| Ok("seen")));
        agent = match self.is_later {
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
            if let Some(guard) = &self.guard {
                approvals = approvals.guard(guard.clone());
            }
            agent = agent.approvals(approvals);
        }
        if self.requires_signed_results {
            agent = agent.requires_signed_results();
        }
        let clerk = |claims: &Claims| {
            let limit = claims.value("limit").and_then(Value::as_f64).unwrap_or(1000.0);
            Ok(Clerk { may_refund: claims.list("scope").iter().any(|scope| scope == "refunds"), limit })
        };
        Endpoint::builder(agent.build().unwrap(), clerk).without_auth().build().unwrap()
    }

    pub(super) async fn send(&self, asked: &Asked) -> Told {
        Self::send_to(&self.endpoint(), asked).await
    }

    /// Sends to an endpoint that may have served before.
    pub(super) async fn send_to(endpoint: &Endpoint<Clerk>, asked: &Asked) -> Told {
        let mut request = http::Request::post("/")
            .header("content-type", "application/json")
            .body(Bytes::from(asked.input.to_string()))
            .unwrap();
        if let Some((source, Value::Object(claims))) = asked.claims.clone() {
            request.extensions_mut().insert(Claims::new(source, claims));
        }
        let response = endpoint.handle(request).await;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let mut text = String::new();
        while let Some(frame) = next_frame(&mut body).await {
            text.push_str(&frame);
        }
        let events = if status == 200 { events(&text) } else { Vec::new() };
        if status == 200 {
            assert_eq!(oracle::check_run(&asked.input, &events), Ok(()), "\n{}", outline::outline(&events));
        }
        Told { status, text, events }
    }
}

/// Calls what the user names, as JSON: `[["refund", {...}], ...]`.
fn turn(request: &Request) -> Script {
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

/// Runs an agent for an anonymous caller, always under the same ids.
pub(super) async fn run(agent: &Agent<()>, messages: &Value, resume: Value) -> Vec<Value> {
    let input = json!({
        "threadId": "t", "runId": "r", "protocolVersion": "1.0", "messages": messages, "resume": resume,
    });
    let input = RunAgentInput::read(input).unwrap().input;
    let run = agent.run((), Some(Identity::anonymous()), input, None).await.unwrap();
    run.map(|event| serde_json::to_value(event).unwrap()).collect().await
}

/// A request, as the client sends it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) input: Value,
    pub(super) claims: Option<(ClaimSource, Value)>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) events: Vec<Value>,
}

/// Ada, who may refund, lets the model make these calls.
pub(super) fn calls(calls: &[(&str, Value)]) -> Asked {
    let claims = json!({"iss": "idp", "custom:org_id": "acme", "sub": "ada", "scope": "refunds"});
    Asked {
        input: json!({
            "threadId": "t", "runId": "r1", "protocolVersion": "1.0",
            "messages": [{"id": "u1", "role": "user", "content": json!(calls).to_string()}],
        }),
        claims: Some((ClaimSource::UserToken, claims)),
    }
}

/// A refund that needs approval.
pub(super) fn refund() -> (&'static str, Value) {
    ("refund", json!({"order_id": "1234", "amount": 20}))
}

impl Asked {
    /// The next request of a client that has read an answer: what was told, in the history, under another run.
    pub(super) fn after(&self, told: &Told) -> Self {
        let mut next = self.clone();
        next.input["runId"] = format!("{}'", self.input["runId"].as_str().unwrap()).into();
        next.input["resume"] = json!([]);
        let messages = next.input["messages"].as_array_mut().unwrap();
        let mut calls: HashMap<String, usize> = HashMap::new();
        for event in &told.events {
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

    /// The same with all calls in one message of the assistant, as the official clients have those of a turn.
    pub(super) fn in_one_message(mut self) -> Self {
        let messages = std::mem::take(self.messages());
        let (with_calls, mut others): (Vec<Value>, Vec<Value>) =
            messages.into_iter().partition(|message| message["toolCalls"].is_array());
        let calls: Vec<Value> = with_calls.iter().map(|message| message["toolCalls"][0].clone()).collect();
        let place = others.iter().position(|message| message["role"] == "tool").unwrap_or(others.len());
        others.insert(place, json!({"id": "a1", "role": "assistant", "toolCalls": calls}));
        *self.messages() = others;
        self
    }

    /// Answers an interrupt.
    pub(super) fn resolve(mut self, id: &Value, payload: Value) -> Self {
        let entry = json!({"interruptId": id, "status": "resolved", "payload": payload});
        self.input["resume"].as_array_mut().unwrap().push(entry);
        self
    }

    pub(super) fn approve(self, id: &Value) -> Self {
        self.resolve(id, json!({"approved": true}))
    }

    pub(super) fn cancel(mut self, id: &Value) -> Self {
        self.input["resume"].as_array_mut().unwrap().push(json!({"interruptId": id, "status": "cancelled"}));
        self
    }

    pub(super) fn messages(&mut self) -> &mut Vec<Value> {
        self.input["messages"].as_array_mut().unwrap()
    }

    /// The function of the history's call of that number.
    pub(super) fn call(&mut self, number: usize) -> &mut Value {
        let calls = self.messages().iter_mut().filter(|message| message["toolCalls"].is_array());
        &mut { calls }.nth(number).unwrap()["toolCalls"][0]
    }

    /// Sets a proven claim.
    pub(super) fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.as_mut().unwrap().1[name] = value;
        self
    }
}

impl Told {
    pub(super) fn outline(&self) -> String {
        outline::outline(&self.events)
    }

    /// The interrupts that the run ended with.
    pub(super) fn interrupts(&self) -> Vec<Value> {
        let end = self.events.last().unwrap_or(&Value::Null);
        end["outcome"]["interrupts"].as_array().cloned().unwrap_or_default()
    }

    /// The id of the one interrupt.
    pub(super) fn id(&self) -> Value {
        let [interrupt] = &self.interrupts()[..] else { panic!("one interrupt: {}", self.text) };
        interrupt["id"].clone()
    }

    /// What a call was answered.
    pub(super) fn result(&self, call: &str) -> Option<Value> {
        let is_result = |event: &&Value| event["type"] == "TOOL_CALL_RESULT" && event["toolCallId"] == call;
        let text = self.events.iter().find(is_result)?["content"].as_str()?;
        Some(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
    }
}

/// A key that can be rotated, and that counts how often it is read.
#[derive(Clone)]
pub(super) struct RotatingKey {
    /// The current value, and the one before it.
    versions: Arc<Mutex<(String, Option<String>)>>,
    reads: Arc<AtomicU64>,
}

impl RotatingKey {
    pub(super) fn new(key: &str) -> Self {
        Self { versions: Arc::new(Mutex::new((secret(key), None))), reads: Arc::default() }
    }

    pub(super) fn rotate(&self, key: &str) {
        let mut versions = self.versions.lock().unwrap();
        let before = std::mem::replace(&mut versions.0, secret(key));
        versions.1 = Some(before);
    }

    /// How often a version was read.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

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

/// A guard in memory.
#[derive(Clone, Default)]
pub(super) struct Book {
    pub(super) claimed: Arc<Mutex<HashMap<String, Option<String>>>>,
    pub(super) is_failing: bool,
    pub(super) forgets_outcomes: bool,
    /// Claims come and are answered together, when there are as many as this waits for.
    pub(super) together: Option<Arc<Barrier>>,
}

impl Book {
    async fn meet(&self) {
        if let Some(together) = &self.together {
            together.wait().await;
        }
    }
}

impl Guard for Book {
    fn claim<'a>(&'a self, approval: &'a str, _: u64) -> BoxFuture<'a, Result<Claim, GuardError>> {
        async move {
            if self.is_failing {
                return Err(GuardError("down".into()));
            }
            self.meet().await;
            let before = match self.claimed.lock().unwrap().entry(approval.to_owned()) {
                Entry::Occupied(claimed) => Some(claimed.get().clone()),
                Entry::Vacant(free) => {
                    free.insert(None);
                    None
                }
            };
            self.meet().await;
            Ok(before.map_or(Claim::First, |outcome| Claim::Again { outcome }))
        }
        .boxed()
    }

    fn look_up<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Claim, GuardError>> {
        async move {
            if self.is_failing {
                return Err(GuardError("down".into()));
            }
            let found = self.claimed.lock().unwrap().get(approval).cloned();
            Ok(found.map_or(Claim::First, |outcome| Claim::Again { outcome }))
        }
        .boxed()
    }

    fn store<'a>(&'a self, approval: &'a str, outcome: &'a str) -> BoxFuture<'a, Result<(), GuardError>> {
        async move {
            if self.forgets_outcomes {
                return Err(GuardError("down".into()));
            }
            self.claimed.lock().unwrap().insert(approval.to_owned(), Some(outcome.to_owned()));
            Ok(())
        }
        .boxed()
    }
}
