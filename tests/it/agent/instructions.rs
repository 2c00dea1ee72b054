//! The system prompt of a run: the fixed text, and the text for the caller.

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::auth::{ClaimSource, Claims, SharedToken};
use ag_ui_lambda::endpoint::Endpoint;
use ag_ui_lambda::model::Script;
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use serde_json::json;

use crate::support::endpoint::{TOKEN, run_request};
use crate::support::provider_model::provider_model;
use crate::support::scenario::{Caller, scenario};

#[tokio::test]
async fn model_reads_the_fixed_text_and_then_the_callers() {
    for (user, expected) in [
        (Some("ada"), "You look after orders.\n\nThe caller is ada."),
        (None, "You look after orders.\n\nThe caller is unknown."),
    ] {
        let mut scenario = scenario([Script::new().text("Hello.")]).with_agent(|agent| {
            agent
                .instructions_for(|caller: &Caller| {
                    format!("The caller is {}.", caller.user.as_deref().unwrap_or("unknown"))
                })
                .instructions("You look after orders.")
        });
        scenario.caller.user = user.map(Into::into);
        let run = scenario.run().await;

        assert_eq!(run.requests[0].instructions.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn instructions_are_written_once_for_all_turns_of_a_run() {
    let written = std::sync::atomic::AtomicUsize::new(0);
    let run = scenario([Script::new().call("c1", "whoami", &json!({})), Script::new().text("Hello.")])
        .with_agent(|agent| {
            agent.tool(tool_fn("whoami", "Name of the caller.", whoami)).instructions_for(
                move |_: &Caller| {
                    let number = written.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    format!("Number {number}.")
                },
            )
        })
        .run()
        .await;

    let texts: Vec<_> = run.requests.iter().map(|request| request.instructions.as_deref()).collect();
    assert_eq!(texts, [Some("Number 0."), Some("Number 0.")]);
}

/// Returns the name of the caller.
async fn whoami(context: ToolContext<Caller>, _: NoArgs) -> Result<Option<String>, ToolError> {
    Ok(context.caller().user.clone())
}

#[tokio::test]
async fn panicking_instructions_end_the_run_as_internal() {
    let run = scenario([Script::new().text("never said")])
        .with_agent(|agent| agent.instructions_for(|_: &Caller| -> String { panic!("password=hunter2") }))
        .run()
        .await;

    assert_eq!(run.requests, [], "no model is asked");
    let last = run.events.last().unwrap();
    assert_eq!((&last["type"], &last["code"]), (&json!("RUN_ERROR"), &json!("INTERNAL")));
    assert!(!run.outline().contains("hunter2"));
}

/// What an application makes of the claims in the test below: more than its instructions use.
struct Customer {
    plan: String,
    #[expect(dead_code, reason = "it must not reach the provider")]
    email: String,
}

#[tokio::test]
async fn provider_receives_no_claim_but_what_the_instructions_say() {
    for wire in Wire::ALL {
        let provider = Provider::start().await.unwrap();
        provider.reply_always(Reply::stream(wire, &[TurnPart::text("Hello.")]));
        let agent = Agent::builder(provider_model(wire, &provider.url()))
            .instructions("You look after orders.")
            .instructions_for(|customer: &Customer| format!("The caller's plan is {}.", customer.plan))
            .build()
            .unwrap();
        let customer = |claims: &Claims| {
            let text = |name| claims.text(name).unwrap_or_default().to_owned();
            Ok(Customer { plan: text("plan"), email: text("email") })
        };
        let token = SharedToken::literal(TOKEN.into()).unwrap();
        let endpoint = Endpoint::builder(agent, customer).token(token).build().unwrap();
        let claims = json!({
            "plan": "gold-plan", "sub": "planted-subject", "iss": "https://planted.example", "aud": "planted-app",
            "email": "planted@example.com", "custom:org_id": "planted-org", "scope": "planted-scope",
            "cognito:groups": ["planted-group"], "nested": {"planted-name": "planted-value"},
        });

        let mut request = run_request().claims(ClaimSource::UserToken, claims).build();
        request.headers_mut().insert("x-planted", "planted-header".parse().unwrap());
        let response = endpoint.handle(request).await;
        let (head, mut body) = response.into_parts();
        let mut text = String::new();
        while let Some(frame) = crate::support::endpoint::next_frame(&mut body).await {
            text.push_str(&frame);
        }

        assert_eq!(head.status, 200, "{wire:?}");
        assert!(text.contains("RUN_FINISHED"), "{wire:?}: {text}");
        let [asked] = provider.requests().try_into().unwrap_or_else(|asked| panic!("{wire:?}: {asked:?}"));
        let sent = format!("{} {:?} {}", asked.path, asked.headers, asked.body);
        assert_eq!(sent.matches("gold-plan").count(), 1, "{wire:?}: {sent}");
        assert!(
            sent.contains(r"You look after orders.\n\nThe caller's plan is gold-plan."),
            "{wire:?}: {sent}"
        );
        assert!(!sent.contains("planted"), "{wire:?}: {sent}");
        assert!(!text.contains("planted") && !text.contains("gold-plan"), "{wire:?}: {text}");
    }
}
