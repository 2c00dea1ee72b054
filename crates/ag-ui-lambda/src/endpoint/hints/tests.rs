use http::Request;
use serde_json::json;

use super::*;
use crate::agent::NameTaken;
use crate::protocol::BadInput;

fn hints() -> DeveloperHints {
    DeveloperHints::new().token_variable().user_tokens("https://issuer.example", "app")
}

#[test]
fn what_is_left_out_is_found_if_it_is_near_something_known() {
    let body = json!({
        "threadId": "t", "runId": "r", "forwarded_props": {}, "unheard": 1,
        "messages": [
            {"id": "u", "role": "users", "content": "Hi"},
            {"id": "v", "role": "user", "content": [{"type": "img", "source": {"type": "dta"}}, {"type": "txt"}]},
            {"id": "w", "role": "robot", "content": "", "tool_calls": []},
        ],
        "resume": [{"interruptId": "i", "status": "canceled"}],
    });
    let found = misspelt(body.to_string().as_bytes()).unwrap();
    assert_eq!(
        found,
        "Did you mean the member `forwardedProps` in the body? Did you mean `user` at /messages/0/role? \
         Did you mean `data` at /messages/1/content/0/source/type? Did you mean `text` at /messages/1/content/1/type? \
         Did you mean the member `toolCalls` in /messages/2? Did you mean `cancelled` at /resume/0/status?"
    );
    assert_eq!(misspelt(br#"{"unheard": 1}"#), None);
}

#[test]
fn every_refusal_before_a_run_has_a_hint() {
    let (head, ()) = Request::new(()).into_parts();
    let body = br#"{"protocolVersion": "2", "tools": [{"name": "find"}]}"#;
    let refused = Refused {
        head: &head,
        body,
        token_header: &HeaderName::from_static("x-agui-token"),
        run_path: "/agui",
    };
    let bad_input = BadInput { path: "/messages".into(), problem: "is missing" };
    for reject in [
        Reject::SecretUnavailable,
        Reject::KeysUnavailable,
        Reject::BodyTooLarge { bytes: 2, limit: 1 },
        Reject::BadInput(bad_input),
        Reject::BadJson { problem: "is not valid JSON", line: 1, column: 3 },
        Reject::Run(NameTaken { index: 0 }.into()),
        Reject::Run(Refusal::ApprovalKeyUnavailable),
        Reject::Forbidden(ForbiddenBy::Proofs),
        BadUserToken::Expired.into(),
        BadUserToken::NotYetValid.into(),
    ] {
        let hint = hints().of(&reject, &refused);
        assert!(
            hint.is_some_and(|hint| hint.starts_with(char::is_uppercase) && hint.ends_with('.')),
            "{reject}"
        );
    }
}
