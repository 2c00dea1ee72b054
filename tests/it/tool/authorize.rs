//! What a tool can require of a caller and of a call.

use std::collections::HashSet;

use ag_ui_lambda::agent::{Agent, RunRequest};
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::auth::Principal;
use ag_ui_lambda::model::{Script, Scripted, Turn};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::tool::{FnTool, Grants, NoArgs, ToolContext, ToolError, tool_fn};
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const NO_SUCH_TOOL: &str = r#"{"error":"There is no tool of that name."}"#;

/// A caller with grants such as `permission:a`, `scope:b` or `group:c`, and a limit.
#[derive(Clone, Default)]
pub(super) struct Person {
    grants: HashSet<&'static str>,
    limit: u32,
}

impl Grants for Person {
    fn has_permission(&self, permission: &str) -> bool {
        self.grants.contains(format!("permission:{permission}").as_str())
    }

    fn has_scope(&self, scope: &str) -> bool {
        self.grants.contains(format!("scope:{scope}").as_str())
    }

    fn is_in_group(&self, group: &str) -> bool {
        self.grants.contains(format!("group:{group}").as_str())
    }
}

/// Returns a caller with these grants.
pub(super) fn person<const N: usize>(grants: [&'static str; N]) -> Person {
    Person { grants: grants.into(), limit: 0 }
}

/// Returns a caller with this limit.
fn limit(limit: u32) -> Person {
    Person { limit, ..Person::default() }
}

/// A tool without arguments.
async fn open_tool(_: ToolContext<Person>, _: NoArgs) -> Result<&'static str, ToolError> {
    Ok("opened")
}

#[derive(Deserialize, JsonSchema)]
struct Sum {
    amount: u32,
}

/// A tool that spends an amount.
async fn spend(_: ToolContext<Person>, args: Sum) -> Result<String, ToolError> {
    Ok(format!("spent {}", args.amount))
}

/// Returns an agent whose model calls the tool once with these arguments.
macro_rules! agent {
    ($tool:expr, $arguments:expr) => {{
        let arguments = $arguments;
        let model = Scripted::new(move |request| match request.history.last() {
            Some(Turn::Results(_)) => Script::new().text("Done."),
            _ => Script::new().call("c1", "tool", &arguments),
        });
        let key = "0123456789abcdef0123456789abcdef";
        let approvals = Approvals::new(ApprovalKeys::literal(key.into()).unwrap());
        Agent::builder(model).tool($tool).approvals(approvals).anonymous_approvals(true).build().unwrap()
    }};
}

/// Returns the input of a run with these messages and answers.
pub(super) fn input(messages: Value, resume: Value) -> RunAgentInput {
    let input = json!({"threadId": "t", "runId": "r", "protocolVersion": "1.0", "messages": messages, "resume": resume});
    RunAgentInput::read(input).unwrap().input
}

/// Runs the agent for this caller and returns the events.
pub(super) async fn run(agent: &Agent<Person>, caller: &Person, input: RunAgentInput) -> Vec<Value> {
    let run =
        agent.run(RunRequest::new(caller.clone(), input).principal(Principal::anonymous())).await.unwrap();
    run.map(|event| serde_json::to_value(event).unwrap()).collect().await
}

/// Returns the result of the only call of a run.
pub(super) fn result(events: &[Value]) -> &str {
    let result = events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    result["content"].as_str().unwrap()
}

/// Returns a user message.
pub(super) fn user() -> Value {
    json!({"id": "u1", "role": "user", "content": "Go"})
}

/// Returns the names of the tools in a caller's capabilities.
pub(super) fn available_tools(agent: &Agent<Person>, caller: &Person) -> Vec<String> {
    let tools = agent.capabilities(caller, Some(&Principal::anonymous())).tools.unwrap();
    tools.items.unwrap().into_iter().map(|tool| tool.name).collect()
}

#[tokio::test]
async fn tool_requires_all_of_its_grants() {
    type Demands = fn(FnTool<Person, NoArgs>) -> FnTool<Person, NoArgs>;
    /// The cases: a description, the requirements of the tool, the caller, and whether the tool is available.
    fn table() -> Vec<(&'static str, Demands, Person, bool)> {
        vec![
            ("nothing is demanded", |tool| tool, person([]), true),
            ("a permission", |tool| tool.needs_permission("a"), person(["permission:a"]), true),
            ("no permission", |tool| tool.needs_permission("a"), person([]), false),
            ("another permission", |tool| tool.needs_permission("a"), person(["permission:ab"]), false),
            ("a group named like it", |tool| tool.needs_permission("a"), person(["group:a"]), false),
            ("a scope named like it", |tool| tool.needs_permission("a"), person(["scope:a"]), false),
            ("a scope", |tool| tool.needs_scope("a"), person(["scope:a"]), true),
            ("no scope", |tool| tool.needs_scope("a"), person([]), false),
            ("another scope", |tool| tool.needs_scope("a"), person(["scope:a:b"]), false),
            (
                "a permission instead of a scope",
                |tool| tool.needs_scope("a"),
                person(["permission:a"]),
                false,
            ),
            ("a group", |tool| tool.needs_group("a"), person(["group:a"]), true),
            ("no group", |tool| tool.needs_group("a"), person([]), false),
            ("a permission named like it", |tool| tool.needs_group("a"), person(["permission:a"]), false),
            (
                "both of two",
                |tool| tool.needs_permission("a").needs_permission("b"),
                person(["permission:a", "permission:b"]),
                true,
            ),
            (
                "the second of two",
                |tool| tool.needs_permission("a").needs_permission("b"),
                person(["permission:b"]),
                false,
            ),
            (
                "a permission and no group",
                |tool| tool.needs_permission("a").needs_group("a"),
                person(["permission:a"]),
                false,
            ),
            ("a function's yes", |tool| tool.available_if(|caller| caller.limit > 1), limit(2), true),
            ("a function's no", |tool| tool.available_if(|caller| caller.limit > 1), limit(1), false),
            (
                "a no that a later yes does not take back",
                |tool| tool.needs_permission("a").available_if(|_| true),
                person([]),
                false,
            ),
            ("a function that panics", |tool| tool.available_if(|_| panic!("on purpose")), limit(1), false),
        ]
    }
    for (why, demands, caller, is_there) in table() {
        let agent = agent!(demands(tool_fn("tool", "Opens.", open_tool)), json!({}));

        let events = run(&agent, &caller, input(json!([user()]), json!([]))).await;

        assert_eq!(result(&events), if is_there { "opened" } else { NO_SUCH_TOOL }, "{why}");
        assert_eq!(available_tools(&agent, &caller).len(), usize::from(is_there), "{why}");
    }
}

#[tokio::test]
async fn call_runs_only_if_every_policy_allows_it() {
    const REFUSED: &str = r#"{"error":"This call is not allowed with these arguments."}"#;
    type Policies = fn(FnTool<Person, Sum>) -> FnTool<Person, Sum>;
    /// The cases: a description, the policies of the tool, the arguments, and the expected result.
    fn table() -> Vec<(&'static str, Policies, Value, &'static str)> {
        let within: Policies = |tool| tool.allowed_if(|caller, args| args.amount <= caller.limit);
        vec![
            ("it allows", within, json!({"amount": 10}), "spent 10"),
            ("it refuses", within, json!({"amount": 11}), REFUSED),
            (
                "it refuses with a sentence",
                |tool| {
                    tool.allowed_if(|caller, args| {
                        if args.amount <= caller.limit { Ok(()) } else { Err("That is too much.") }
                    })
                },
                json!({"amount": 11}),
                r#"{"error":"That is too much."}"#,
            ),
            (
                "the second of two refuses",
                |tool| {
                    tool.allowed_if(|_, args| args.amount > 5).allowed_if(|_, args| {
                        if args.amount < 8 { Ok(()) } else { Err(format!("{} is 8 or more.", args.amount)) }
                    })
                },
                json!({"amount": 9}),
                r#"{"error":"9 is 8 or more."}"#,
            ),
            (
                "it panics",
                |tool| tool.allowed_if(|_, _| -> bool { panic!("on purpose") }),
                json!({"amount": 1}),
                r#"{"error":"The tool failed."}"#,
            ),
        ]
    }
    for (why, policies, arguments, expected) in table() {
        let agent = agent!(policies(tool_fn("tool", "Spends.", spend)), arguments);

        let events = run(&agent, &limit(10), input(json!([user()]), json!([]))).await;

        assert_eq!(result(&events), expected, "{why}");
        assert_eq!(available_tools(&agent, &limit(10)), ["tool"], "{why}: it is there all the same");
    }
}

#[tokio::test]
async fn policy_is_skipped_for_invalid_arguments() {
    let tool = tool_fn("tool", "Spends.", spend).allowed_if(|_, _| -> bool { panic!("it was asked") });
    let agent = agent!(tool, json!({"amount": "all"}));

    let events = run(&agent, &limit(10), input(json!([user()]), json!([]))).await;

    assert!(result(&events).contains("do not fit the schema"), "{}", result(&events));
}

#[tokio::test]
async fn tool_closures_may_capture_state() {
    let blocked = HashSet::from([13]);
    let smallest = 5;
    let tool = tool_fn("tool", "Spends.", spend)
        .available_if(move |caller| caller.limit >= smallest)
        .allowed_if(move |_, args| !blocked.contains(&args.amount))
        .needs_approval_if(move |_, args| args.amount > smallest);
    let agent = agent!(tool, json!({"amount": 13}));

    let events = run(&agent, &limit(5), input(json!([user()]), json!([]))).await;

    assert!(result(&events).contains("not allowed"), "a person is not asked about what may not be");
    assert_eq!(available_tools(&agent, &limit(4)), [] as [&str; 0]);
}

#[tokio::test]
async fn policy_is_checked_again_after_approval() {
    let refused = r#"{"error":"That is too much."}"#;
    let gone = Person { grants: HashSet::new(), ..limit(100) };
    let able = |limit| Person { grants: ["permission:spend"].into(), limit };
    for (why, caller, edited, expected) in [
        ("nothing has changed", able(100), None, "spent 20"),
        ("the caller's limit has", able(10), None, refused),
        ("the arguments have, within the limit", able(100), Some(100), "spent 100"),
        ("the arguments have, beyond it", able(100), Some(101), refused),
        ("the permission is gone", gone, None, NO_SUCH_TOOL),
    ] {
        let tool = tool_fn("tool", "Spends.", spend).needs_permission("spend").needs_approval().editable();
        let tool =
            tool.allowed_if(
                |caller, args| {
                    if args.amount <= caller.limit { Ok(()) } else { Err("That is too much.") }
                },
            );
        let agent = agent!(tool, json!({"amount": 20}));
        let asked = run(&agent, &able(100), input(json!([user()]), json!([]))).await;
        let id = &asked.last().unwrap()["outcome"]["interrupts"][0]["id"];
        let function = json!({"name": "tool", "arguments": "{\"amount\":20}"});
        let call = json!({"id": "c1", "type": "function", "function": function});
        let messages = json!([user(), {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
        let mut payload = json!({"approved": true});
        if let Some(amount) = edited {
            payload["editedArgs"] = json!({"amount": amount});
        }
        let answer = json!([{"interruptId": id, "status": "resolved", "payload": payload}]);

        let resumed = run(&agent, &caller, input(messages, answer)).await;

        assert_eq!(result(&resumed), expected, "{why}");
    }
}

#[tokio::test]
async fn later_approval_condition_keeps_the_earlier_one() {
    let tool = tool_fn("tool", "Spends.", spend).needs_approval().needs_approval_if(|_, _| false);
    let agent = agent!(tool, json!({"amount": 1}));

    let events = run(&agent, &limit(1), input(json!([user()]), json!([]))).await;

    assert_eq!(events.last().unwrap()["outcome"]["type"], "interrupt");
}

#[tokio::test]
async fn approver_reads_the_question_of_the_tool() {
    type Question = fn(FnTool<Person, Sum>) -> FnTool<Person, Sum>;
    let cases: [(&str, Question, &str); 4] = [
        ("it has none", |tool| tool, r#"Allow "tool" with these arguments?"#),
        (
            "its own, from caller and arguments",
            |tool| {
                tool.approval_message(|caller, args| format!("Spend {} of {}?", args.amount, caller.limit))
            },
            "Spend 20 of 100?",
        ),
        (
            "the later of two",
            |tool| tool.approval_message(|_, _| "First?".into()).approval_message(|_, _| "Second?".into()),
            "Second?",
        ),
        (
            "its own panics",
            |tool| tool.approval_message(|_, _| panic!("on purpose")),
            r#"Allow "tool" with these arguments?"#,
        ),
    ];
    for (why, question, expected) in cases {
        let tool = question(tool_fn("tool", "Spends.", spend).needs_approval());
        let agent = agent!(tool, json!({"amount": 20}));

        let asked = run(&agent, &limit(100), input(json!([user()]), json!([]))).await;

        let interrupt = &asked.last().unwrap()["outcome"]["interrupts"][0];
        assert_eq!(interrupt["message"], expected, "{why}");
        // An answer that cannot be used leads to the same question.
        let function = json!({"name": "tool", "arguments": "{\"amount\":20}"});
        let call = json!({"id": "c1", "type": "function", "function": function});
        let messages = json!([user(), {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
        let answer = json!([{"interruptId": interrupt["id"], "status": "resolved", "payload": "yes"}]);
        let repeated = run(&agent, &limit(100), input(messages, answer)).await;
        let message = repeated.last().unwrap()["outcome"]["interrupts"][0]["message"].as_str().unwrap();
        assert!(message.ends_with(&format!("must be true or false. {expected}")), "{why}: {message}");
    }
}

#[test]
fn caller_type_grants_nothing_by_default() {
    struct Anyone;
    impl Grants for Anyone {}

    assert!(!Anyone.has_permission("") && !Anyone.has_permission("a"));
    assert!(!Anyone.has_scope("a") && !Anyone.is_in_group("a"));
}
