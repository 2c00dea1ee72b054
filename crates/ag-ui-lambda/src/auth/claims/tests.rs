use serde_json::json;

use super::*;
use crate::auth::test_claims::{CUSTOM_AUTHORIZER, SIGNED_REQUEST, TOKEN_AUTHORIZER, claims};

#[test]
fn list_is_read_in_every_form_that_authorizers_write() {
    for (why, value, expected) in [
        ("one name with a comma, or two names", json!("admin,ops"), vec![]),
        ("beside a name without a comma", json!("[admin x,refunds:write ops]"), vec!["admin", "ops"]),
        ("brackets without quotes", json!("[admin ops]"), vec!["admin", "ops"]),
        ("brackets around one entry", json!("[admin]"), vec!["admin"]),
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
fn only_what_can_be_seen_identifies_somebody() {
    let longest = "a".repeat(1024);
    for (why, value, is_text, is_identifier) in [
        ("a name", json!("ada"), true, true),
        ("a name with spaces, as it is", json!(" Ada Lovelace "), true, true),
        ("an id of Auth0", json!("auth0|5f7c8ec7c33c6c004bbafe82"), true, true),
        ("other letters", json!("\u{0430}\u{65e5}\u{1f600}"), true, true),
        ("the longest", json!(longest), true, true),
        ("too long", json!(format!("{longest}a")), true, false),
        ("a line break within", json!("ada\nbob"), true, false),
        ("a line break at the end", json!("ada\n"), true, false),
        ("a zero byte", json!("ada\u{0}"), true, false),
        ("a control character of Latin-1", json!("ada\u{85}"), true, false),
        ("empty", json!(""), false, false),
        ("a space", json!(" "), false, false),
        ("tabs and line breaks", json!("\t\r\n"), false, false),
        ("a space that does not break", json!("\u{a0}"), false, false),
        ("an ideographic space", json!("\u{3000}"), false, false),
        ("a space without a width", json!("\u{200b}"), false, false),
        ("a mark of the byte order", json!("\u{feff} "), false, false),
        ("control characters alone", json!("\u{0}\u{1b}"), false, false),
        ("a number", json!(7), false, false),
        ("a list", json!(["ada"]), false, false),
        ("null", json!(null), false, false),
    ] {
        let names = ["sub".to_owned()];
        for source in [ClaimSource::UserToken, ClaimSource::Session, TOKEN_AUTHORIZER, CUSTOM_AUTHORIZER] {
            let claims = claims(source, json!({ "sub": value }));
            assert_eq!(claims.text("sub").is_some(), is_text, "{why}");
            assert_eq!(claims.identifier("sub").is_some(), is_identifier, "{why}");
            assert_eq!(claims.subject().is_some(), is_identifier, "{why}");
            assert_eq!(claims.user(&names).is_some(), is_identifier, "{why}");
        }
        let principal = claims(CUSTOM_AUTHORIZER, json!({ "principalId": value }));
        assert_eq!(principal.subject().is_some(), is_identifier, "{why}");
        let signer = claims(SIGNED_REQUEST, json!({ "signer": value }));
        assert_eq!(signer.signer().is_some(), is_identifier, "{why}");
    }
}

#[test]
fn user_is_the_first_claim_and_a_token_needs_a_subject() {
    let names = ["sub", "principalId", "signer"].map(ToOwned::to_owned);
    for (why, source, values, expected) in [
        ("a token", ClaimSource::UserToken, json!({"sub": "ada", "principalId": "eve"}), Some("ada")),
        ("a token that names no user", ClaimSource::UserToken, json!({"principalId": "eve"}), None),
        ("an authorizer's token", TOKEN_AUTHORIZER, json!({"principalId": "eve", "sub": ""}), None),
        ("another authorizer", CUSTOM_AUTHORIZER, json!({"principalId": "ada"}), Some("ada")),
        ("a signer", SIGNED_REQUEST, json!({"signer": "web"}), Some("web")),
        ("nobody", ClaimSource::None, json!({}), None),
    ] {
        assert_eq!(claims(source, values).user(&names), expected, "{why}");
    }
    let by_mail = claims(ClaimSource::UserToken, json!({"sub": "1", "email": "ada@example.com"}));
    assert_eq!(by_mail.user(&["email".to_owned()]), Some("ada@example.com"));
}

#[test]
fn authorizer_contradicts_a_token_that_differs() {
    use ClaimSource::{None as Nobody, Session};
    let names = CallerClaims {
        user: ["sub", "principalId"].map(ToOwned::to_owned).into(),
        others: ["custom:org_id", "custom:plan", "permissions", "scope", "groups"]
            .map(ToOwned::to_owned)
            .into(),
    };
    let token = json!({
        "iss": "https://issuer", "sub": "ada", "custom:org_id": "acme", "custom:plan": 7, "email": "a@b",
        "permissions": ["a", "b"], "scope": "read write", "groups": ["x,y"],
    });
    let token = claims(ClaimSource::UserToken, token);
    for (why, source, authorizer, contradicts) in [
        ("no other proof", Nobody, json!({}), false),
        ("a signer passes it on", SIGNED_REQUEST, json!({"signer": "web", "sub": "bob"}), false),
        ("the same", TOKEN_AUTHORIZER, json!({"iss": "https://issuer", "sub": "ada"}), false),
        ("another subject", TOKEN_AUTHORIZER, json!({"iss": "https://issuer", "sub": "bob"}), true),
        ("another issuer", TOKEN_AUTHORIZER, json!({"iss": "https://other", "sub": "ada"}), true),
        ("the same principal", CUSTOM_AUTHORIZER, json!({"principalId": "ada"}), false),
        ("another principal", CUSTOM_AUTHORIZER, json!({"principalId": "bob"}), true),
        ("the same user of a session", Session, json!({"sub": "ada"}), false),
        ("another user of a session", Session, json!({"sub": "bob"}), true),
        ("the same organisation", CUSTOM_AUTHORIZER, json!({"custom:org_id": "acme"}), false),
        ("another organisation", CUSTOM_AUTHORIZER, json!({"custom:org_id": "evil"}), true),
        ("a number as text", TOKEN_AUTHORIZER, json!({"custom:plan": "7"}), false),
        ("another plan", TOKEN_AUTHORIZER, json!({"custom:plan": "8"}), true),
        ("a claim that fills nothing", CUSTOM_AUTHORIZER, json!({"email": "other@b", "tier": "gold"}), false),
        ("a list with commas", TOKEN_AUTHORIZER, json!({"permissions": "a,b"}), false),
        ("a list in brackets", TOKEN_AUTHORIZER, json!({"permissions": "[a b]"}), false),
        ("a list with spaces", CUSTOM_AUTHORIZER, json!({"permissions": "a b"}), false),
        ("a list as JSON text", CUSTOM_AUTHORIZER, json!({"permissions": "[\"a\", \"b\"]"}), false),
        ("a list", CUSTOM_AUTHORIZER, json!({"permissions": ["a", "b"]}), false),
        ("more permissions", CUSTOM_AUTHORIZER, json!({"permissions": "a b c"}), true),
        ("fewer permissions", CUSTOM_AUTHORIZER, json!({"permissions": ["a"]}), true),
        (
            "nothing in a claim",
            CUSTOM_AUTHORIZER,
            json!({"permissions": "", "groups": [], "scope": null}),
            false,
        ),
        ("the same scope", CUSTOM_AUTHORIZER, json!({"scope": "read write"}), false),
        ("another scope", CUSTOM_AUTHORIZER, json!({"scope": "refunds:write"}), true),
        ("a name with a comma", TOKEN_AUTHORIZER, json!({"groups": "[x,y]"}), false),
    ] {
        assert_eq!(claims(source, authorizer).contradicts(&token, &names), contradicts, "{why}");
    }
    let bare = claims(ClaimSource::UserToken, json!({"sub": "ada"}));
    let authorizer = claims(CUSTOM_AUTHORIZER, json!({"scope": "refunds:write"}));
    assert!(authorizer.contradicts(&bare, &names), "the token does not confirm the scope");
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
