//! Several agents of one endpoint, each at its own path, behind one authentication.

use std::sync::{Arc, Mutex};

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::auth::{Claims, Forbidden};
use ag_ui_lambda::endpoint::{BuildEndpointError, DeveloperHints, Endpoint, EndpointBuilder};
use ag_ui_lambda::lambda::claim_source::JWT_AUTHORIZER;
use ag_ui_lambda::model::{Request, Script, Scripted};
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use serde_json::{Value, json};

use crate::support::endpoint::{FORBIDDEN_SUBJECT, endpoint, run_request};
use crate::support::scenario::Caller;
use crate::support::sse::events;

/// The requests that the model of an agent received.
type Asked = Arc<Mutex<Vec<Request>>>;

/// Returns an agent with these instructions, one tool of this name, and a model that says the instructions.
fn agent(instructions: &'static str, tool: &'static str) -> (Agent<Caller>, Asked) {
    /// The tool, which is never called.
    async fn unused(_: ToolContext<Caller>, _: NoArgs) -> Result<(), ToolError> {
        Ok(())
    }
    let asked = Asked::default();
    let requests = Arc::clone(&asked);
    let model = Scripted::new(move |request| {
        requests.lock().unwrap().push(request.clone());
        Script::new().words(instructions)
    });
    let agent =
        Agent::builder(model).instructions(instructions).tool(tool_fn(tool, "Does nothing.", unused)).build();
    (agent.unwrap(), asked)
}

/// Returns the usual endpoint with two more agents.
fn three_agents() -> EndpointBuilder<Caller> {
    let (support, sales) = (agent("support", "open_ticket").0, agent("sales", "send_offer").0);
    endpoint().agent_at("/support", support).agent_at("/teams/sales", sales)
}

/// Returns the text of a run.
fn text(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["delta"].as_str()).collect()
}

#[tokio::test]
async fn each_path_has_its_own_agent() {
    let endpoint = three_agents().build().unwrap();
    for (path, expected) in [
        ("/", Ok("Hello there")),
        ("/agui", Ok("Hello there")),
        ("/support", Ok("support")),
        ("/support?x=y", Ok("support")),
        ("/teams/sales", Ok("sales")),
        ("/support/", Err(404)),
        ("/support/agui", Err(404)),
        ("/support/health", Err(404)),
        ("/supporters", Err(404)),
        ("/teams", Err(404)),
        ("/sales", Err(404)),
    ] {
        let answer = run_request().route("POST", path).send_to(&endpoint).await;

        let expected_status = expected.err().unwrap_or(200);
        assert_eq!(answer.status, expected_status, "{path}");
        if let Ok(expected) = expected {
            assert_eq!(text(&events(&answer.text)), expected, "{path}");
        }
    }
}

#[tokio::test]
async fn each_agent_has_its_own_instructions_and_tools() {
    let (support, asked) = agent("support", "open_ticket");
    let endpoint = endpoint().agent_at("/support", support).build().unwrap();
    assert_eq!(run_request().route("POST", "/support").send_to(&endpoint).await.status, 200);

    let requests = asked.lock().unwrap();
    let names: Vec<&str> = requests[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!((names, requests.len()), (vec!["open_ticket"], 1));
    assert_eq!(requests[0].instructions.as_deref(), Some("support"));
}

#[tokio::test]
async fn capabilities_are_those_of_the_agent_at_the_path() {
    let endpoint = three_agents().build().unwrap();
    for (path, tool) in [
        ("/capabilities", "whoami"),
        ("/support/capabilities", "open_ticket"),
        ("/teams/sales/capabilities", "send_offer"),
    ] {
        let answer = run_request().route("GET", path).send_to(&endpoint).await;

        let capabilities: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(capabilities["tools"]["items"].as_array().unwrap().len(), 1, "{path}");
        assert_eq!(capabilities["tools"]["items"][0]["name"], tool, "{path}");
    }
    for (path, method, allowed) in [("/support", "GET", "POST"), ("/support/capabilities", "POST", "GET")] {
        let answer = run_request().route(method, path).send_to(&endpoint).await;

        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
}

#[tokio::test]
async fn one_authentication_and_mapping_serve_all() {
    let endpoint = three_agents().build().unwrap();
    for (method, path) in [("POST", "/support"), ("GET", "/support/capabilities"), ("POST", "/teams/sales")] {
        let request = run_request().route(method, path);
        let forbidden = request.clone().claims(JWT_AUTHORIZER, json!({ "sub": FORBIDDEN_SUBJECT }));

        assert_eq!(request.without_header("x-agui-token").send_to(&endpoint).await.status, 401, "{path}");
        assert_eq!(forbidden.send_to(&endpoint).await.status, 403, "{path}");
    }
}

#[test]
fn unusable_paths_do_not_build() {
    for (why, path) in [
        ("without a slash", "support"),
        ("empty", ""),
        ("the root", "/"),
        ("a slash at the end", "/support/"),
        ("the run path of the first agent", "/chat"),
        ("the endpoint's own", "/health"),
        ("the first agent's capabilities", "/capabilities"),
        ("where the capabilities of an agent may be", "/support/capabilities"),
        ("a query", "/support?x"),
        ("not in ASCII, as no client sends it", "/ü"),
        ("a segment that clients resolve", "/../support"),
        ("the same, encoded", "/teams/%2e%2E/support"),
        ("an empty segment", "/teams//support"),
        ("used already", "/taken"),
    ] {
        let built = endpoint()
            .run_path("/chat")
            .agent_at("/taken", agent("first", "first").0)
            .agent_at(path, agent("second", "second").0)
            .build();

        let expected = BuildEndpointError::InvalidAgentPath { path: path.into() };
        assert_eq!(built.unwrap_err(), expected, "{why}");
    }
    // The runs of the first agent would be where the capabilities of the other one are.
    let hidden = endpoint().run_path("/support/capabilities").agent_at("/support", agent("other", "other").0);
    assert!(hidden.build().is_err());
    // The usual path of runs is free if another one is configured.
    assert!(endpoint().run_path("/chat").agent_at("/agui", agent("other", "other").0).build().is_ok());
}

#[test]
fn anonymous_tools_are_those_of_all_agents() {
    let mapping = |_: &Claims| -> Result<Caller, Forbidden> { Ok(Caller { user: None }) };
    let endpoint = Endpoint::builder(agent("first", "b").0, mapping)
        .agent_at("/second", agent("second", "a").0)
        .agent_at("/third", agent("third", "b").0)
        .without_auth()
        .build()
        .unwrap();

    assert_eq!(endpoint.anonymous_tools(), ["a", "b"]);
}

#[tokio::test]
async fn hint_for_an_unknown_path_names_every_agent() {
    let endpoint = three_agents().developer_hints(DeveloperHints::new()).build().unwrap();
    let answer = run_request().route("POST", "/suport").send_to(&endpoint).await;

    let body: Value = serde_json::from_str(&answer.text).unwrap();
    let hint = body["error"]["hint"].as_str().unwrap();
    assert!(hint.starts_with("Did you mean /support?"), "{hint}");
    assert!(hint.contains("POST /teams/sales and GET /teams/sales/capabilities."), "{hint}");
}
