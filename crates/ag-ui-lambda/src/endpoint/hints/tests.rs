use http::Request;
use serde_json::{Value, json};

use super::names::{INPUT_MEMBERS, PART_TYPES, RESUME_STATUSES, ROLES, SOURCE_TYPES};
use super::*;
use crate::agent::StartRunError;
use crate::auth::{AuthError, UserTokenError};
use crate::endpoint::rejection::{ForbiddenReason, Rejection};
use crate::protocol::{InputError, InputProblem, RunAgentInput};

/// Hints that know the token and the issuer.
fn hints() -> DeveloperHints {
    DeveloperHints::new().token_origin("that AGUI_TOKEN holds").user_tokens("https://issuer.example", "app")
}

#[test]
fn misspelt_names_get_the_nearest_known_name() {
    let body = json!({
        "threadId": "t", "runId": "r", "forwarded_props": {}, "unrelated": 1,
        "messages": [
            {"id": "u", "role": "users", "content": "Hi"},
            {"id": "v", "role": "user", "content": [{"type": "img", "source": {"type": "dta"}}, {"type": "txt"}]},
            {"id": "w", "role": "robot", "content": "", "tool_calls": []},
        ],
        "resume": [{"interruptId": "i", "status": "canceled"}],
    });
    let found = misspelt_names(body.to_string().as_bytes()).unwrap();
    assert_eq!(
        found,
        "Did you mean the member `forwardedProps` in the body? Did you mean `user` at /messages/0/role? \
         Did you mean `data` at /messages/1/content/0/source/type? Did you mean `text` at /messages/1/content/1/type? \
         Did you mean the member `toolCalls` in /messages/2? Did you mean `cancelled` at /resume/0/status?"
    );
    assert_eq!(misspelt_names(br#"{"unrelated": 1}"#), None);
}

#[test]
fn suggested_names_are_known_to_the_protocol() {
    let part = |kind: &str, source: &str| {
        json!({
            "type": kind, "text": "", "mimeType": "image/png", "data": "YQ==",
            "source": {"type": source, "value": "YQ==", "mimeType": "image/png"},
        })
    };
    let parts: Vec<Value> = PART_TYPES
        .iter()
        .flat_map(|kind| SOURCE_TYPES.iter().map(move |source| part(kind, source)))
        .collect();
    let message = |role: &&str| {
        let content = match *role {
            "user" => json!(parts),
            "activity" => json!({}),
            _ => json!(""),
        };
        json!({"id": role, "role": role, "content": content, "toolCallId": "c", "activityType": "a"})
    };
    let resume = |status: &&str| json!({"interruptId": "i", "status": status});
    let mut body = json!({
        "threadId": "t", "runId": "r",
        "messages": ROLES.iter().map(message).collect::<Vec<_>>(),
        "resume": RESUME_STATUSES.iter().map(resume).collect::<Vec<_>>(),
    });
    for name in INPUT_MEMBERS {
        body.as_object_mut().unwrap().entry(*name).or_insert(Value::Null);
    }

    let received = RunAgentInput::read(body).unwrap();

    assert_eq!((received.dropped, received.unknown_members), (Vec::new(), 0));
}

#[test]
fn every_rejection_before_a_run_has_a_hint() {
    let (head, ()) = Request::new(()).into_parts();
    let body = br#"{"protocolVersion": "2", "tools": [{"name": "find"}]}"#;
    let request = RejectedRequest {
        head: &head,
        body,
        token_header: &HeaderName::from_static("x-agui-token"),
        user_token_admits: true,
        run_path: "/agui",
        agent_paths: Vec::new(),
    };
    let bad_input = InputError { path: "/messages".into(), problem: InputProblem::Missing };
    for rejection in [
        AuthError::TokenUnavailable.into(),
        AuthError::from(UserTokenError::KeysUnavailable).into(),
        Rejection::BodyTooLarge { bytes: Some(2), limit: 1 },
        Rejection::BadInput(bad_input),
        crate::json::read(b"{\"a").unwrap_err().into(),
        Rejection::Run(StartRunError::ToolNameTaken { index: 0 }),
        Rejection::Run(StartRunError::ApprovalKeyUnavailable),
        Rejection::Forbidden(ForbiddenReason::ConflictingProofs),
        AuthError::from(UserTokenError::Expired).into(),
        AuthError::from(UserTokenError::NotYetValid).into(),
        AuthError::UserTokenMissing.into(),
        AuthError::TokenNotUsed.into(),
    ] {
        let hint = hint_for(&hints(), &rejection, &request);
        assert!(
            hint.is_some_and(|hint| hint.starts_with(char::is_uppercase) && hint.ends_with('.')),
            "{rejection}"
        );
    }
}
