use super::*;
use crate::agent::StartRunError;
use crate::protocol::InputProblem;

#[test]
fn messages_are_sentences_for_a_chat() {
    let bad_input = |path: &str, problem| Rejection::BadInput(InputError { path: path.into(), problem });
    let bad_json = |text: &str| Rejection::from(crate::json::read(text.as_bytes()).unwrap_err());
    for (rejection, message) in [
        (Rejection::NotFound, "There is nothing at this address. Please check the address of the agent."),
        (Rejection::MethodNotAllowed { allowed: Method::POST }, "This address accepts only POST requests."),
        (
            AuthError::TokenMissing.into(),
            "You are not signed in, or the sign-in is not valid. Please sign in again.",
        ),
        (AuthError::UserTokenMissing.into(), "You are not signed in. Please sign in."),
        (
            AuthError::from(UserTokenError::Refused("no key fits")).into(),
            "Your sign-in is not valid. Please sign in again.",
        ),
        (AuthError::from(UserTokenError::Expired).into(), "Your sign-in has expired. Please sign in again."),
        (
            AuthError::from(UserTokenError::NotYetValid).into(),
            "Your sign-in is not valid yet. Please try again in a moment.",
        ),
        (
            AuthError::TokenUnavailable.into(),
            "Your sign-in cannot be checked right now. Please try again in a moment.",
        ),
        (
            AuthError::from(UserTokenError::KeysUnavailable).into(),
            "Your sign-in cannot be checked right now. Please try again in a moment.",
        ),
        (
            Rejection::UnsupportedMediaType,
            "The request has the wrong content type. It must be application/json.",
        ),
        (
            Rejection::BodyTooLarge { bytes: Some(7_340_032), limit: 6_291_456 },
            "The request is too long: it has 7340032 bytes, and at most 6291456 are accepted. \
             Please start a new conversation or send less.",
        ),
        (
            Rejection::BodyTooLarge { bytes: None, limit: 6_291_456 },
            "The request is too long: at most 6291456 bytes are accepted. \
             Please start a new conversation or send less.",
        ),
        (
            Rejection::Forbidden(ForbiddenReason::OtherTenant),
            "You are not allowed to use this agent. Please sign in with another account.",
        ),
        (bad_json("{]"), "The application sent a request that is not valid JSON, at line 1, column 2."),
        (
            bad_json(r#"{"a":1,"a":2}"#),
            "The application sent a request that names a member twice, at line 1, column 13.",
        ),
        (
            bad_input("/messages", InputProblem::NotAnArray),
            "The application sent a request that cannot be read: /messages must be an array.",
        ),
        (
            bad_input("", InputProblem::NotAnObject),
            "The application sent a request that cannot be read: the body must be an object.",
        ),
        (
            Rejection::UnsupportedProtocolVersion,
            "The application uses an unsupported version of AG-UI: /protocolVersion must name a version 1.",
        ),
        (
            Rejection::Run(StartRunError::ToolNameTaken { index: 3 }),
            "The application sent a request that cannot be served: /tools/3/name is taken by another tool.",
        ),
        (
            Rejection::Run(StartRunError::ApprovalKeyUnavailable),
            "This conversation cannot be checked right now. Please try again in a moment.",
        ),
        (Rejection::Internal, "Something went wrong. Please try again."),
        (
            Rejection::ResponseTooLarge { limit: 6_275_072 },
            "The answer is too long: at most 6275072 bytes can be sent. \
             Its actions may have been carried out. Please ask for a shorter answer.",
        ),
    ] {
        let text = rejection.to_string();
        assert_eq!(text, message);
        assert!(text.starts_with(char::is_uppercase) && text.ends_with('.'), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}
