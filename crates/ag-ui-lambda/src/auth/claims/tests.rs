use serde_json::json;

use super::*;
use crate::auth::test_claims::{CUSTOM_AUTHORIZER, SIGNED_REQUEST, TOKEN_AUTHORIZER, claims};

#[test]
fn list_is_read_in_every_form_that_authorizers_write() {
    for (why, value, expected) in [
        ("commas without brackets", json!("admin,ops"), vec!["admin", "ops"]),
        ("brackets without quotes", json!("[admin ops]"), vec!["admin", "ops"]),
        ("brackets around one entry", json!("[admin]"), vec!["admin"]),
        ("a list as Java writes it", json!("[admin, ops]"), vec!["admin", "ops"]),
        ("an OAuth scope", json!("read write"), vec!["read", "write"]),
        ("a token's array", json!(["admin", "ops"]), vec!["admin", "ops"]),
        ("a name that would fall apart grants nothing", json!(["read admin", "a,b", "ok"]), vec!["ok"]),
        ("a JSON array as text", json!(r#"["admin","ops"]"#), vec!["admin", "ops"]),
        ("with white space", json!(" [ \"admin\" ,\n\"ops\" ] "), vec!["admin", "ops"]),
        ("with escapes", json!(r#"["orders\u003aread"]"#), vec!["orders:read"]),
        ("of one", json!(r#"["admin"]"#), vec!["admin"]),
        ("an empty array", json!("[]"), vec![]),
        ("of names that would fall apart", json!(r#"["read admin","a,b","","ok"]"#), vec!["ok"]),
        ("of other things too", json!(r#"["admin",7,null,["ops"],{"a":"root"}]"#), vec!["admin"]),
        ("cut off", json!(r#"["admin","ops"#), vec![]),
        ("with half a surrogate pair", json!(r#"["admin","\ud83d"]"#), vec![]),
        ("with something behind it", json!(r#"["admin"] root"#), vec![]),
        ("not a list", json!(7), vec![]),
        ("empty", json!(""), vec![]),
    ] {
        assert_eq!(claims(ClaimSource::UserToken, json!({ "x": value })).list("x"), expected, "{why}");
    }
}

#[test]
fn user_token_must_name_the_authorizers_issuer_and_subject() {
    use ClaimSource::{None as Nobody, Session};
    let token = json!({"iss": "https://issuer", "sub": "ada", "custom:plan": "free", "email": "a@b"});
    for (why, source, authorizer, fits) in [
        ("no other proof", Nobody, json!({}), true),
        ("a signer passes it on", SIGNED_REQUEST, json!({"signer": "web"}), true),
        ("the same", TOKEN_AUTHORIZER, json!({"iss": "https://issuer", "sub": "ada"}), true),
        ("another subject", TOKEN_AUTHORIZER, json!({"iss": "https://issuer", "sub": "bob"}), false),
        ("another issuer", TOKEN_AUTHORIZER, json!({"iss": "https://other", "sub": "ada"}), false),
        ("the same principal", CUSTOM_AUTHORIZER, json!({"principalId": "ada"}), true),
        ("another principal", CUSTOM_AUTHORIZER, json!({"principalId": "bob"}), false),
        ("the same user of a session", Session, json!({"sub": "ada"}), true),
        ("another user of a session", Session, json!({"sub": "bob"}), false),
    ] {
        let Value::Object(token) = token.clone() else { panic!("an object") };
        assert_eq!(claims(source, authorizer).with_user_token(token).is_some(), fits, "{why}");
    }
}

#[test]
fn authorizers_claims_come_before_the_tokens() {
    let authorizer = claims(CUSTOM_AUTHORIZER, json!({"principalId": "ada", "custom:plan": "pro"}));
    let Value::Object(token) = json!({"sub": "ada", "custom:plan": "free", "email": "a@b"}) else { panic!() };

    let both = authorizer.with_user_token(token).unwrap();

    assert_eq!(both.text("custom:plan"), Some("pro"));
    assert_eq!(both.text("email"), Some("a@b"));
}

#[test]
fn session_names_its_user() {
    let session = Claims::from_session("u-17").with_claim("plan", "free").with_claim("plan", "pro");

    assert_eq!(session, claims(ClaimSource::Session, json!({"sub": "u-17", "plan": "pro"})));
    assert_eq!((session.subject(), session.source().name()), (Some("u-17"), "session"));
}

#[test]
fn debug_prints_no_value() {
    let printed = format!("{:?}", claims(ClaimSource::UserToken, json!({"email": "ada@example.com"})));

    assert!(printed.contains("email") && !printed.contains("ada@"), "{printed}");
}
