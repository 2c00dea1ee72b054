//! Budgets of users and organisations: the last check before a run, the checks within it, and what is settled after it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::auth::{Claims, SharedToken};
use ag_ui_lambda::budget::{BudgetStore, BudgetStoreError, Budgets, Demand, Grant, Hold, MemoryBudgetStore};
use ag_ui_lambda::endpoint::{Admission, Endpoint, EndpointBuilder, Refusal};
use ag_ui_lambda::lambda::claim_source::JWT_AUTHORIZER;
use ag_ui_lambda::model::{Model, ModelErrorKind, Script, Scripted};
use ag_ui_lambda::protocol::TokenUsage;
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all, pending};
use serde_json::{Value, json};

use super::faults::{FAULTS, LIMIT};
use crate::support::endpoint::{
    FixedTokens, TOKEN, TestRequest, TestResponse, endpoint, endpoint_of, next_frame, run_request,
};
use crate::support::scenario::Caller;
use crate::support::sse::events;

/// An hour before a day ends in UTC, in seconds since the Unix epoch.
const NOW: u64 = 1_795_734_000;

/// A store in memory with a clock of its own, which notes what is settled.
#[derive(Clone)]
struct Store {
    memory: Arc<MemoryBudgetStore>,
    now: Arc<AtomicU64>,
    /// Whose budget was settled, and how many tokens were counted.
    settled: Arc<Mutex<Vec<(String, u64)>>>,
    /// How often a run has asked for tokens.
    reservations: Arc<AtomicUsize>,
}

impl Store {
    /// Creates a store in which nothing is used.
    fn new() -> Self {
        let now = Arc::new(AtomicU64::new(NOW));
        Self { memory: Arc::default(), now, settled: Arc::default(), reservations: Arc::default() }
    }

    /// Returns budgets that are counted here. Nothing is limited yet.
    fn budgets(&self) -> Budgets {
        let now = Arc::clone(&self.now);
        let clock = move || SystemTime::UNIX_EPOCH + Duration::from_secs(now.load(Ordering::SeqCst));
        Budgets::new(self.clone()).clock(clock)
    }

    /// Lets time pass, in seconds.
    fn advance(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Returns what was settled so far.
    fn settled(&self) -> Vec<(String, u64)> {
        self.settled.lock().unwrap().clone()
    }

    /// Returns how many tokens were counted of the budgets of this kind.
    fn used(&self, kind: &str) -> u64 {
        self.settled().iter().filter(|(settled, _)| settled == kind).map(|(_, used)| used).sum()
    }
}

impl BudgetStore for Store {
    /// Reserves in memory. Another run may reserve in between.
    fn reserve<'a>(
        &'a self,
        hold: &'a Hold,
        demand: Demand,
        now: u64,
    ) -> BoxFuture<'a, Result<Grant, BudgetStoreError>> {
        async move {
            self.reservations.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            self.memory.reserve(hold, demand, now).await
        }
        .boxed()
    }

    /// Settles in memory and takes a note.
    fn settle<'a>(
        &'a self,
        hold: &'a Hold,
        used: u64,
        now: u64,
    ) -> BoxFuture<'a, Result<(), BudgetStoreError>> {
        async move {
            tokio::task::yield_now().await;
            let kind = hold.budget.split('#').nth(1).unwrap().to_owned();
            self.settled.lock().unwrap().push((kind, used));
            self.memory.settle(hold, used, now).await
        }
        .boxed()
    }
}

/// Returns a report of this many tokens.
fn tokens(total: u64) -> TokenUsage {
    TokenUsage { total_tokens: Some(total), ..TokenUsage::default() }
}

/// Returns a model that says hello in each turn, and reports this many tokens.
fn model_of(total: u64) -> Scripted {
    Scripted::new(move |_| Script::new().words("Hello there").usage(tokens(total)))
}

/// Returns an endpoint with this model and these budgets.
fn endpoint_with(model: impl Model, budgets: Budgets) -> Endpoint<Caller> {
    endpoint_of(model).budgets(budgets).build().unwrap()
}

/// Returns a request of this user of this organisation.
fn request_of(user: &str, org: &str) -> TestRequest {
    run_request().claims(JWT_AUTHORIZER, json!({"iss": "idp", "sub": user, "custom:org_id": org}))
}

/// Returns how a run ended: the type of its outcome, and the reason for which it was cancelled.
fn end_of(response: &TestResponse) -> (String, Option<String>) {
    assert_eq!(response.status, 200, "{}", response.text);
    let events = events(&response.text);
    let last = events.last().unwrap();
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let kind = text(&last["outcome"]["type"]).unwrap_or_else(|| panic!("{last}"));
    let metadata = [&last["metadata"], &last["outcome"]["metadata"]];
    (kind, metadata.into_iter().find_map(|metadata| text(&metadata["ag_ui_lambda"]["reason"])))
}

/// Returns the end of a run that a budget has cancelled.
fn cancelled() -> (String, Option<String>) {
    ("cancelled".into(), Some("USER_BUDGET".into()))
}

#[tokio::test]
async fn used_budget_is_429_until_the_day_ends() {
    let store = Store::new();
    let endpoint = endpoint_with(model_of(1_000), store.budgets().user_tokens(1_000));
    assert_eq!(request_of("ada", "acme").send_to(&endpoint).await.status, 200);

    let refused = request_of("ada", "acme").send_to(&endpoint).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("3600")));
    let body: Value = serde_json::from_str(&refused.text).unwrap();
    let message =
        "You have used your budget of today. Please try again tomorrow: a new day begins at 00:00 UTC.";
    assert_eq!(body, json!({"error": {"code": "BUDGET_USED", "message": message}}));
    assert_eq!(request_of("bob", "acme").send_to(&endpoint).await.status, 200, "another user");

    store.advance(3600);
    assert_eq!(request_of("ada", "acme").send_to(&endpoint).await.status, 200, "the next day");
}

#[tokio::test]
async fn used_budget_costs_the_store_nothing_more() {
    let store = Store::new();
    let endpoint = endpoint_with(model_of(1_000), store.budgets().user_tokens(1_000));
    let send = || request_of("ada", "acme").send_to(&endpoint);
    assert_eq!(send().await.status, 200);
    assert_eq!(send().await.status, 429);
    let reservations = store.reservations.load(Ordering::SeqCst);

    for _ in 0..3 {
        assert_eq!(send().await.code(), "BUDGET_USED");
    }

    assert_eq!(store.reservations.load(Ordering::SeqCst), reservations);
    store.advance(3600);
    assert_eq!(send().await.status, 200, "the next day");
}

#[tokio::test]
async fn budget_is_checked_last() {
    let store = Store::new();
    let budgets = || store.budgets().user_tokens(1_000);
    let checked =
        endpoint_of(model_of(1_000)).max_body_bytes(LIMIT).user_tokens(FixedTokens).budgets(budgets());
    let checked = checked.build().unwrap();
    let request = || run_request().header("x-agui-user-token", "good");
    request().send_to(&checked).await;
    for fault in FAULTS {
        let response = (fault.apply)(request()).send_to(&checked).await;
        assert_eq!((response.status, response.code().as_str()), (fault.status, fault.code), "{}", fault.why);
    }
    assert_eq!(request().send_to(&checked).await.code(), "BUDGET_USED");

    let admit = async |_: Admission<Caller>| Err(Refusal::forbidden("Not you."));
    let not_admitting = endpoint().user_tokens(FixedTokens).admit(admit).budgets(budgets()).build().unwrap();
    assert_eq!(request().send_to(&not_admitting).await.status, 403);
    for path in ["/capabilities", "/health"] {
        assert_eq!(request().route("GET", path).send_to(&checked).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn run_without_messages_needs_no_budget() {
    let store = Store::new();
    let endpoint = endpoint_with(model_of(1_000), store.budgets().user_tokens(1_000));
    request_of("ada", "acme").send_to(&endpoint).await;

    let response = request_of("ada", "acme").input("messages", json!([])).send_to(&endpoint).await;

    assert_eq!(end_of(&response).0, "success");
    assert_eq!(store.settled().len(), 1);
}

#[tokio::test]
async fn budget_that_is_used_up_within_a_run_cancels_it_before_the_next_turn() {
    let store = Store::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let model = Scripted::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Script::new().call("c1", "whoami", &json!({})).usage(tokens(5000))
    });
    let endpoint = endpoint_with(model, store.budgets().user_tokens(4000));

    let response = request_of("ada", "acme").send_to(&endpoint).await;

    assert_eq!(end_of(&response), cancelled());
    assert!(response.text.contains("TOOL_CALL_RESULT"), "{}", response.text);
    assert_eq!((asked.load(Ordering::SeqCst), store.used("user")), (1, 5000));
}

#[tokio::test]
async fn budget_that_is_used_up_while_the_model_writes_cancels_the_run() {
    let store = Store::new();
    let model = Scripted::new(|_| (0..1000).fold(Script::new(), |script, _| script.text("a".repeat(400))));
    let endpoint = endpoint_with(model, store.budgets().user_tokens(20_000));

    let response = request_of("ada", "acme").send_to(&endpoint).await;

    assert_eq!(end_of(&response), cancelled());
    let used = store.used("user");
    assert!((20_000..20_200).contains(&used), "what it has written counts, and nothing was reported: {used}");
}

#[tokio::test]
async fn reservation_is_extended_within_a_run() {
    let store = Store::new();
    let model = Scripted::new(|_| {
        let long = (0..100).fold(Script::new(), |script, _| script.text("a".repeat(400)));
        long.usage(tokens(9_999))
    });
    let endpoint = endpoint_with(model, store.budgets().user_tokens(20_000).org_tokens(20_000));

    let response = request_of("ada", "acme").send_to(&endpoint).await;

    assert_eq!(end_of(&response).0, "success");
    assert_eq!((store.used("user"), store.used("org")), (9_999, 9_999), "the report and not the estimate");
}

#[tokio::test]
async fn organization_and_user_have_each_their_budget() {
    let store = Store::new();
    let endpoint = endpoint_with(model_of(600), store.budgets().user_tokens(1_000).org_tokens(1_500));
    for (user, org, expected) in [
        ("ada", "acme", Ok(())),
        ("ada", "acme", Ok(())),
        ("ada", "acme", Err("You have used your budget")),
        ("bob", "acme", Ok(())),
        ("bob", "acme", Err("Your organisation has used its budget")),
        ("eve", "acme", Err("Your organisation has used its budget")),
        ("eve", "other", Ok(())),
    ] {
        let response = request_of(user, org).send_to(&endpoint).await;
        let expected_status = if expected.is_ok() { 200 } else { 429 };
        assert_eq!(response.status, expected_status, "{user} of {org}: {}", response.text);
        assert!(response.text.contains(expected.err().unwrap_or_default()), "{}", response.text);
    }
}

#[tokio::test]
async fn refusal_of_the_organization_leaves_the_user_nothing_to_pay() {
    let store = Store::new();
    let endpoint = endpoint_with(model_of(600), store.budgets().user_tokens(10_000).org_tokens(600));
    request_of("ada", "acme").send_to(&endpoint).await;
    assert_eq!(request_of("bob", "acme").send_to(&endpoint).await.status, 429);

    assert_eq!(store.settled().last(), Some(&("user".to_owned(), 0)));
    let endpoint = endpoint_with(model_of(600), store.budgets().user_tokens(10_000));
    assert_eq!(request_of("bob", "acme").send_to(&endpoint).await.status, 200, "nothing of it is held");
}

#[tokio::test]
async fn anonymous_callers_have_no_budget() {
    let store = Store::new();
    let endpoint = endpoint_with(model_of(100), store.budgets().user_tokens(1).org_tokens(1));
    for _ in 0..3 {
        assert_eq!(run_request().send_to(&endpoint).await.status, 200);
    }
    assert_eq!(store.settled(), []);
}

#[tokio::test]
async fn every_run_is_settled_however_it_ends() {
    let words = || Script::new().words("Hello there").usage(tokens(50));
    for (why, script, expected) in [
        ("success", words as fn() -> Script, 50..=50),
        ("no report", || Script::new().text("a".repeat(4000)), 1000..=1100),
        ("failed before its turn", || Script::new().fail(ModelErrorKind::Refused), 0..=0),
        ("failed within its turn", || Script::new().text("a".repeat(400)).cut(), 100..=200),
        ("panicked", || panic!("in the model"), 1..=100),
        ("cancelled", || Script::new().call("c1", "whoami", &json!({})).usage(tokens(7)), 70..=70),
    ] {
        let store = Store::new();
        let endpoint = endpoint_with(Scripted::new(move |_| script()), store.budgets().user_tokens(100_000));
        assert_eq!(request_of("ada", "acme").send_to(&endpoint).await.status, 200, "{why}");

        let used: Vec<u64> = store.settled().into_iter().map(|(_, used)| used).collect();
        assert!(used.len() == 1 && expected.contains(&used[0]), "{why}: {used:?}");
    }
}

#[tokio::test]
async fn run_whose_reader_went_is_settled_by_the_estimate() {
    let store = Store::new();
    let model = Scripted::new(|_| Script::new().text("a".repeat(4000)).text("end").usage(tokens(2_000)));
    let endpoint = endpoint_with(model, store.budgets().user_tokens(100_000));
    let request = || request_of("ada", "acme").build();
    let mut body = endpoint.handle(request()).await.into_body();
    while !next_frame(&mut body).await.unwrap().contains("aaa") {}
    drop(body);
    drop(endpoint.handle(request()).await);

    endpoint.finish_reports().await;
    let mut used: Vec<u64> = store.settled().into_iter().map(|(_, used)| used).collect();
    used.sort_unstable();
    assert!(used[0] == 0 && (1000..1100).contains(&used[1]) && used.len() == 2, "{used:?}");
}

#[tokio::test]
async fn run_whose_reader_went_leaves_its_budget_to_the_next_one() {
    let store = Store::new();
    let model = Scripted::new(|_| Script::new().text("Hello").wait_for(pending()));
    let endpoint = endpoint_with(model, store.budgets().user_tokens(8_500));
    for sent in 0..3 {
        let response = endpoint.handle(request_of("ada", "acme").build()).await;
        assert_eq!(response.status(), 200, "sent again {sent} times, each time after Stop");
        let mut body = response.into_body();
        while !next_frame(&mut body).await.unwrap().contains("Hello") {}
    }
}

#[tokio::test]
async fn run_whose_reader_went_is_settled_although_nobody_awaits_it() {
    let store = Store::new();
    let endpoint = endpoint_with(model_of(1_000), store.budgets().user_tokens(8_500));
    drop(endpoint.handle(request_of("ada", "acme").build()).await);
    assert_eq!(store.settled(), []);

    while store.settled().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn run_that_never_ends_lapses() {
    let store = Store::new();
    let model = Scripted::new(|_| Script::new().text("I wait").wait_for(pending()));
    let endpoint = endpoint_with(model, store.budgets().user_tokens(10_000));
    let mut killed = endpoint.handle(request_of("ada", "acme").build()).await.into_body();
    while !next_frame(&mut killed).await.unwrap().contains("I wait") {}

    let held = request_of("ada", "acme").send_to(&endpoint).await;
    assert_eq!((held.status, held.code().as_str()), (429, "BUDGET_USED"));
    assert_eq!(held.header("retry-after"), Some("10"), "the other run will end");
    // A run takes at most 280 seconds and 5 more for its last events.
    store.advance(280 + 5 + 59);
    assert_eq!(request_of("ada", "acme").send_to(&endpoint).await.status, 429);
    store.advance(1);
    let served = endpoint.handle(request_of("ada", "acme").build()).await;
    assert_eq!(served.status(), 200);
}

#[tokio::test]
async fn many_runs_at_once_use_at_most_one_run_more() {
    let store = Store::new();
    let endpoint = endpoint_with(model_of(1_000), store.budgets().user_tokens(20_500));
    let mut served = 0;
    // The refused ones come again, as long as any of them is served.
    loop {
        let runs = (0..200).map(|_| request_of("ada", "acme").send_to(&endpoint));
        let round = join_all(runs).await.iter().filter(|response| response.status == 200).count();
        served += round;
        if round == 0 {
            break;
        }
    }

    let used = store.used("user");
    assert!((20_500..=21_500).contains(&used), "{served} runs used {used}");
}

#[tokio::test]
async fn many_long_runs_at_once_use_at_most_one_run_more() {
    let store = Store::new();
    // Each run needs more than it reserves before it starts.
    let model = Scripted::new(|_| {
        let long = (0..200).fold(Script::new(), |script, _| script.text("a".repeat(400)));
        long.usage(tokens(20_000))
    });
    let endpoint = endpoint_with(model, store.budgets().user_tokens(100_000));
    loop {
        let runs = (0..200).map(|_| request_of("ada", "acme").send_to(&endpoint));
        if join_all(runs).await.iter().all(|response| response.status == 429) {
            break;
        }
    }

    let used = store.used("user");
    assert!((99_000..=120_000).contains(&used), "{used}");
}

#[tokio::test]
async fn run_takes_what_other_runs_leave_before_it_is_cancelled() {
    let store = Store::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let model = Scripted::new(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Script::new().text("I wait").wait_for(pending()),
        _ => (0..1000).fold(Script::new(), |script, _| script.text("a".repeat(400))),
    });
    let endpoint = endpoint_with(model, store.budgets().user_tokens(20_000));
    let mut waiting = endpoint.handle(request_of("ada", "acme").build()).await.into_body();
    while !next_frame(&mut waiting).await.unwrap().contains("I wait") {}

    let response = request_of("ada", "acme").send_to(&endpoint).await;

    assert_eq!(end_of(&response), cancelled());
    // The waiting run holds 8,192, and 11,808 are left.
    let used = store.used("user");
    assert!((11_000..12_000).contains(&used), "{used}");
}

#[tokio::test]
async fn run_that_needs_more_than_what_is_left_is_refused_before_it_starts() {
    let store = Store::new();
    let endpoint = endpoint_with(model_of(9_000), store.budgets().user_tokens(10_000));
    assert_eq!(request_of("ada", "acme").send_to(&endpoint).await.status, 200);
    let send = |text: String| {
        let messages = json!([{"id": "u1", "role": "user", "content": text}]);
        request_of("ada", "acme").input("messages", messages).send_to(&endpoint)
    };

    let refused = send("a".repeat(8_000)).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "BUDGET_USED"));
    assert_eq!(refused.header("retry-after"), Some("3600"));
    assert_eq!(send("Hello".into()).await.status, 200, "a shorter message");
}

/// Returns an endpoint whose tool `refund` waits for a person, with how often the tool and the model were called. Each turn of
/// the model has this many tokens.
fn endpoint_with_approvals(turn: u64, budgets: Budgets) -> (Endpoint<Caller>, Arc<[AtomicUsize; 2]>) {
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let (of_tool, of_model) = (Arc::clone(&counts), Arc::clone(&counts));
    let refund = move |_: ToolContext<Caller>, _: NoArgs| {
        of_tool[0].fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, ToolError>("refunded") }
    };
    let model = Scripted::new(move |_| {
        of_model[1].fetch_add(1, Ordering::SeqCst);
        Script::new().call("c1", "refund", &json!({})).usage(tokens(turn))
    });
    let keys = ApprovalKeys::literal("0123456789abcdef0123456789abcdef".to_owned().into()).unwrap();
    let agent = Agent::builder(model)
        .tool(tool_fn("refund", "Refunds.", refund).needs_approval())
        .approvals(Approvals::new(keys))
        .build()
        .unwrap();
    let builder: EndpointBuilder<Caller> = Endpoint::builder(agent, |_: &Claims| Ok(Caller::default()));
    let endpoint =
        builder.token(SharedToken::literal(TOKEN.into()).unwrap()).budgets(budgets).build().unwrap();
    (endpoint, counts)
}

#[tokio::test]
async fn answers_to_interrupts_are_carried_out_with_a_used_budget() {
    let store = Store::new();
    let (endpoint, counts) = endpoint_with_approvals(1_000, store.budgets().user_tokens(1_000));
    let asked = request_of("ada", "acme").send_to(&endpoint).await;
    let asked = events(&asked.text);
    let started = asked.iter().find(|event| event["type"] == "TOOL_CALL_START").unwrap();
    let interrupt = &asked.last().unwrap()["outcome"]["interrupts"][0]["id"];
    let call = json!({"id": "c1", "type": "function", "function": {"name": "refund", "arguments": "{}"}});
    let messages = json!([
        {"id": "u1", "role": "user", "content": "Hello"},
        {"id": started["parentMessageId"], "role": "assistant", "toolCalls": [call]},
    ]);
    let answer = json!([{"interruptId": interrupt, "status": "resolved", "payload": {"approved": true}}]);
    let approved = || request_of("ada", "acme").input("messages", messages.clone());
    assert_eq!(approved().send_to(&endpoint).await.status, 429, "without an answer it is refused");

    let response = approved().input("resume", answer).send_to(&endpoint).await;

    assert_eq!(end_of(&response), cancelled());
    assert!(response.text.contains("refunded"), "{}", response.text);
    let counts = [counts[0].load(Ordering::SeqCst), counts[1].load(Ordering::SeqCst)];
    assert_eq!(counts, [1, 1], "the tool ran, and the model was not asked again");
    assert_eq!(store.used("user"), 1_000);
}

/// A store that fails: it never answers, or with an error.
struct FailingStore {
    hangs: bool,
}

impl FailingStore {
    /// Fails as this store does.
    fn fail<T: Send + 'static>(&self) -> BoxFuture<'static, Result<T, BudgetStoreError>> {
        match self.hangs {
            true => pending().boxed(),
            false => async { Err(BudgetStoreError::new("away")) }.boxed(),
        }
    }
}

impl BudgetStore for FailingStore {
    /// Fails.
    fn reserve<'a>(
        &'a self,
        _: &'a Hold,
        _: Demand,
        _: u64,
    ) -> BoxFuture<'a, Result<Grant, BudgetStoreError>> {
        self.fail()
    }

    /// Fails.
    fn settle<'a>(&'a self, _: &'a Hold, _: u64, _: u64) -> BoxFuture<'a, Result<(), BudgetStoreError>> {
        self.fail()
    }
}

#[tokio::test(start_paused = true)]
async fn failing_store_stops_no_run() {
    for (hangs, seconds) in [(false, 0), (true, 3)] {
        let budgets = Budgets::new(FailingStore { hangs }).user_tokens(1).org_tokens(1);
        let endpoint = endpoint_with(model_of(100), budgets);
        let started = tokio::time::Instant::now();

        let response = request_of("ada", "acme").send_to(&endpoint).await;

        assert_eq!(end_of(&response).0, "success");
        assert_eq!(started.elapsed().as_secs(), seconds, "two seconds before the run and one after it");
    }
}
