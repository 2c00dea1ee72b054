#[cfg(all(feature = "bedrock", feature = "http-models"))]
mod documented;

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";

pub(super) fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// The variables that are reported, in order.
fn reported(variables: &[(&str, &str)]) -> Vec<&'static str> {
    read(variables).unwrap_err().variables().iter().map(|error| error.variable).collect()
}

#[test]
fn settings_have_defaults_except_token_and_model() {
    let config = read(&[("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")]).unwrap();

    assert_eq!(config.auth, AuthMode::Token);
    assert!(matches!(config.token, Some(TokenSource::Secret(id)) if id == "token"));
    assert_eq!(config.limits, Limits::default());
    assert_eq!((config.max_body_bytes, config.keep_alive.as_secs()), (6291456, 15));
    assert_eq!((config.run_path.as_str(), config.token_grace.as_secs()), ("/agui", 3600));
    assert!(config.user_tokens.is_none() && config.iam_principals.is_empty());
}

#[test]
fn every_fault_is_reported_at_once() {
    let variables = [
        ("AGUI_AUTH", "off"),
        ("AGUI_TOKEN", "planted"),
        ("AGUI_TOKEN_HEADER", "Authorization"),
        ("AGUI_TOKEN_GRACE_S", "-1"),
        ("AGUI_CLAIM_USER", ","),
        ("AGUI_CLAIM_ORG", "planted,planted"),
        ("AGUI_CLAIM_PLAN", ",planted"),
        ("AGUI_CLAIM_PERMISSIONS", "planted,,planted"),
        ("AGUI_CLAIM_GROUPS", "planted,"),
        ("AGUI_CLAIM_SCOPES", ","),
        ("AGUI_IAM_PRINCIPALS", "planted"),
        ("AGUI_JWT_ISSUER", "http://planted.example"),
        ("AGUI_JWT_ALGORITHMS", "HS256"),
        ("AGUI_APPROVAL_KEY", "planted"),
        ("AGUI_APPROVAL_TTL_S", "0"),
        ("AGUI_APPROVAL_TABLE", "planted planted"),
        ("AGUI_TABLE", "planted planted"),
        ("AGUI_BUDGET_USER_TOKENS", "many"),
        ("AGUI_BUDGET_ORG_TOKENS", "0"),
        ("AGUI_WHO_SECRET_ID", "planted planted"),
        ("AGUI_MODEL", "scripted/other,openai/m"),
        ("OPENAI_BASE_URL", "planted"),
        ("AGUI_MODEL_ALLOW_HTTP", "planted"),
        ("AGUI_MEDIA_HOSTS", "https://planted"),
        ("AGUI_MODEL_TEMPERATURE", "hot"),
        ("AGUI_MODEL_STOP", "[]"),
        ("AGUI_MODEL_TOOL_CHOICE", "planted planted"),
        ("AGUI_BEDROCK_GUARDRAIL_VERSION", "latest"),
        ("AGUI_SCRIPTED_DELAY_MS", "slow"),
        ("AGUI_MAX_TURNS", "0"),
        ("AGUI_MAX_TOKENS", "many"),
        ("AGUI_RUN_TIMEOUT_S", "0"),
        ("AGUI_CLIENT_MEDIA", "some"),
        ("AGUI_FRONTEND_TOOLS", "Any"),
        ("AGUI_PATH", "/health"),
        ("AGUI_KEEP_ALIVE_S", "soon"),
        ("AGUI_PORT", "planted"),
        ("AGUI_CORS_ORIGINS", "ftp://x"),
        ("AGUI_RESPONSE_MODE", "whole"),
        ("AGUI_ALLOWED_ORIGIN", "planted"),
    ];

    let error = read(&variables).unwrap_err();

    // Everything that is set is unusable, and three variables are missing.
    let mut expected: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
    expected.extend(["AGUI_JWT_AUDIENCE", "AGUI_BEDROCK_GUARDRAIL_ID", "OPENAI_API_KEY"]);
    if cfg!(not(feature = "http-models")) {
        expected.retain(|name| !name.starts_with("OPENAI_"));
    }
    let mut reported: Vec<&str> = error.variables().iter().map(|error| error.variable).collect();
    reported.sort_unstable();
    reported.dedup();
    expected.sort_unstable();
    assert_eq!(reported, expected);
    let line = error.to_string();
    assert!(line.starts_with(&format!("{} environment variables are missing or unusable: ", expected.len())));
    assert!(expected.iter().all(|name| line.contains(name)) && !line.contains("planted"), "{line}");
}

#[test]
fn several_faults_are_written_in_one_line() {
    assert_eq!(
        read(&[("AGUI_AUTH", "authorizer"), ("AGUI_LOCAL", "yes"), ("AGUI_MAX_TURNS", "0")])
            .unwrap_err()
            .to_string(),
        "2 environment variables are missing or unusable: \
         AGUI_LOCAL must be 1 on your own machine, and not set elsewhere; \
         AGUI_MAX_TURNS must be a whole number, 1 or more"
    );
}

#[test]
fn function_without_variables_lacks_a_token_and_a_model() {
    assert_eq!(reported(&[]), ["AGUI_TOKEN_SECRET_ID", "AGUI_MODEL"]);
}

#[test]
fn unusable_setting_is_reported() {
    let secret = ("AGUI_TOKEN_SECRET_ID", "token");
    let model = ("AGUI_MODEL", "scripted/demo");
    for (why, variables, variable) in [
        ("no model outside local mode", vec![secret], "AGUI_MODEL"),
        ("a model that is not built in", vec![secret, ("AGUI_MODEL", "psychic/m")], "AGUI_MODEL"),
        ("a literal token outside local mode", vec![("AGUI_TOKEN", "t"), model], "AGUI_TOKEN"),
        ("both tokens", vec![secret, ("AGUI_TOKEN", "t"), ("AGUI_LOCAL", "1")], "AGUI_TOKEN"),
        ("no such mode", vec![secret, model, ("AGUI_AUTH", "off")], "AGUI_AUTH"),
        ("both need a token", vec![model, ("AGUI_AUTH", "both")], "AGUI_TOKEN_SECRET_ID"),
        ("not a number", vec![secret, model, ("AGUI_MAX_TURNS", "many")], "AGUI_MAX_TURNS"),
        ("no turn at all", vec![secret, model, ("AGUI_MAX_TURNS", "0")], "AGUI_MAX_TURNS"),
        ("no time at all", vec![secret, model, ("AGUI_RUN_TIMEOUT_S", "0")], "AGUI_RUN_TIMEOUT_S"),
        (
            "too long for a clock",
            vec![secret, model, ("AGUI_KEEP_ALIVE_S", "18446744073709551615")],
            "AGUI_KEEP_ALIVE_S",
        ),
        ("too long for a run", vec![secret, model, ("AGUI_RUN_TIMEOUT_S", "31536001")], "AGUI_RUN_TIMEOUT_S"),
        ("local mode is 1 or not set", vec![secret, model, ("AGUI_LOCAL", "true")], "AGUI_LOCAL"),
        (
            "local mode is not for Lambda",
            vec![secret, model, ("AGUI_LOCAL", "1"), ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")],
            "AGUI_LOCAL",
        ),
        (
            "the header of another scheme",
            vec![secret, model, ("AGUI_TOKEN_HEADER", "Authorization")],
            "AGUI_TOKEN_HEADER",
        ),
        (
            "a literal key outside local mode",
            vec![secret, model, ("AGUI_APPROVAL_KEY", KEY)],
            "AGUI_APPROVAL_KEY",
        ),
        (
            "a short key",
            vec![secret, ("AGUI_LOCAL", "1"), ("AGUI_APPROVAL_KEY", "short")],
            "AGUI_APPROVAL_KEY",
        ),
        (
            "both keys",
            vec![secret, ("AGUI_LOCAL", "1"), ("AGUI_APPROVAL_KEY", KEY), ("AGUI_APPROVAL_SECRET_ID", "key")],
            "AGUI_APPROVAL_KEY",
        ),
        (
            "a guard of nothing",
            vec![secret, model, ("AGUI_APPROVAL_TABLE", "once")],
            "AGUI_APPROVAL_SECRET_ID",
        ),
        (
            "approvals that never live",
            vec![secret, model, ("AGUI_APPROVAL_SECRET_ID", "key"), ("AGUI_APPROVAL_TTL_S", "0")],
            "AGUI_APPROVAL_TTL_S",
        ),
        (
            "two tables",
            vec![
                secret,
                model,
                ("AGUI_TABLE", "a"),
                ("AGUI_APPROVAL_TABLE", "b"),
                ("AGUI_APPROVAL_SECRET_ID", "key"),
            ],
            "AGUI_APPROVAL_TABLE",
        ),
        (
            "a budget that each process counts for itself",
            vec![secret, model, ("AGUI_BUDGET_ORG_TOKENS", "1000")],
            "AGUI_TABLE",
        ),
        ("not a path", vec![secret, model, ("AGUI_PATH", "chat")], "AGUI_PATH"),
        ("a path with a query", vec![secret, model, ("AGUI_PATH", "/chat?x=y")], "AGUI_PATH"),
        ("a path with a fragment", vec![secret, model, ("AGUI_PATH", "/chat#x")], "AGUI_PATH"),
        ("a path with a space", vec![secret, model, ("AGUI_PATH", "/my chat")], "AGUI_PATH"),
        ("a path that is not ASCII", vec![secret, model, ("AGUI_PATH", "/gespräch")], "AGUI_PATH"),
        (
            "a token in place of its secret's name",
            vec![("AGUI_TOKEN_SECRET_ID", "a b"), model],
            "AGUI_TOKEN_SECRET_ID",
        ),
        (
            "the header of the user's token",
            vec![secret, model, ("AGUI_TOKEN_HEADER", "X-AGUI-User-Token")],
            "AGUI_TOKEN_HEADER",
        ),
        ("every request's header", vec![secret, model, ("AGUI_TOKEN_HEADER", "cookie")], "AGUI_TOKEN_HEADER"),
        (
            "a secret in place of its name",
            vec![secret, model, ("AGUI_MODEL_SECRET_ID", "{\"OPENAI_API_KEY\": 1}")],
            "AGUI_MODEL_SECRET_ID",
        ),
        ("a list of nothing", vec![secret, model, ("AGUI_CLAIM_USER", ",")], "AGUI_CLAIM_USER"),
        (
            "an empty entry",
            vec![
                secret,
                model,
                ("AGUI_JWT_ALGORITHMS", "RS256,,ES256"),
                ("AGUI_JWT_ISSUER", "https://i"),
                ("AGUI_JWT_AUDIENCE", "a"),
            ],
            "AGUI_JWT_ALGORITHMS",
        ),
        ("no model in a list", vec![secret, ("AGUI_MODEL", "scripted/demo,")], "AGUI_MODEL"),
        (
            "a list for one claim",
            vec![secret, model, ("AGUI_CLAIM_GROUPS", "groups,roles")],
            "AGUI_CLAIM_GROUPS",
        ),
        ("a port that does not exist", vec![secret, model, ("AGUI_PORT", "65536")], "AGUI_PORT"),
        ("no web page's origin", vec![secret, model, ("AGUI_CORS_ORIGINS", "ftp://x")], "AGUI_CORS_ORIGINS"),
        (
            "an origin with a path",
            vec![secret, model, ("AGUI_CORS_ORIGINS", "https://a.example,https://b.example/chat")],
            "AGUI_CORS_ORIGINS",
        ),
        ("the endpoint's own path", vec![secret, model, ("AGUI_PATH", "/health")], "AGUI_PATH"),
        (
            "a principal that is not an ARN",
            vec![secret, model, ("AGUI_IAM_PRINCIPALS", "arn:aws:iam::1:role/a, role/b")],
            "AGUI_IAM_PRINCIPALS",
        ),
        ("every principal", vec![secret, model, ("AGUI_IAM_PRINCIPALS", "*")], "AGUI_IAM_PRINCIPALS"),
        (
            "keys from an address that is not safe",
            vec![
                secret,
                model,
                ("AGUI_JWT_ISSUER", "https://i"),
                ("AGUI_JWT_AUDIENCE", "a"),
                ("AGUI_JWKS_URL", "http://i/keys"),
            ],
            "AGUI_JWKS_URL",
        ),
        ("not a header", vec![secret, model, ("AGUI_TOKEN_HEADER", "a b")], "AGUI_TOKEN_HEADER"),
        ("an audience alone", vec![secret, model, ("AGUI_JWT_AUDIENCE", "app")], "AGUI_JWT_ISSUER"),
        ("an issuer alone", vec![secret, model, ("AGUI_JWT_ISSUER", "https://i")], "AGUI_JWT_AUDIENCE"),
        (
            "an algorithm with a shared key",
            vec![
                secret,
                model,
                ("AGUI_JWT_ISSUER", "https://i"),
                ("AGUI_JWT_AUDIENCE", "a"),
                ("AGUI_JWT_ALGORITHMS", "RS256,HS256"),
            ],
            "AGUI_JWT_ALGORITHMS",
        ),
    ] {
        assert_eq!(reported(&variables), [variable], "{why}");
    }
    let algorithms_alone = [secret, model, ("AGUI_JWT_ALGORITHMS", "RS256")];
    assert_eq!(reported(&algorithms_alone), ["AGUI_JWT_ISSUER", "AGUI_JWT_AUDIENCE"]);
}

#[test]
fn local_mode_allows_literal_token_and_has_default_model() {
    let config = read(&[("AGUI_LOCAL", "1"), ("AGUI_TOKEN", "letmein")]).unwrap();

    assert!(matches!(config.models.names[..], [ModelName::ScriptedDemo]));
    assert!(!format!("{config:?}").contains("letmein"));
}

#[test]
fn approvals_are_off_without_a_key() {
    let base = [("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")];
    assert!(read(&base).unwrap().approvals.is_none());

    let key = [("AGUI_APPROVAL_SECRET_ID", "key"), ("AGUI_APPROVAL_TABLE", "once")];
    let approvals = read(&[base, key].concat()).unwrap().approvals.unwrap();
    assert!(matches!(approvals.key, ApprovalKey::Secret(id) if id == "key"));
    assert_eq!((approvals.ttl.as_secs(), approvals.table.as_deref()), (900, Some("once")));

    let local = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", "letmein"), ("AGUI_APPROVAL_KEY", KEY)];
    let config = read(&local).unwrap();
    assert!(config.approvals.is_some() && !format!("{config:?}").contains(KEY));
}

#[test]
fn approvals_and_budgets_have_one_table() {
    let base = [("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")];
    let own = [("AGUI_APPROVAL_SECRET_ID", "key"), ("AGUI_BUDGET_USER_TOKENS", "1000")];
    for name in ["AGUI_TABLE", "AGUI_APPROVAL_TABLE"] {
        let config = read(&[&base[..], &own, &[(name, "shared")]].concat()).unwrap();
        let budgets = config.budgets.unwrap();
        assert_eq!((budgets.user_tokens, budgets.org_tokens), (Some(1000), None), "{name}");
        let tables = [budgets.table, config.approvals.unwrap().table];
        assert_eq!(tables, [Some("shared".into()), Some("shared".into())], "{name}");
    }
    let local = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", "letmein"), ("AGUI_BUDGET_ORG_TOKENS", "1000")];
    let budgets = read(&local).unwrap().budgets.unwrap();
    assert_eq!((budgets.org_tokens, budgets.table), (Some(1000), None), "it is counted in memory");
    let table = [("AGUI_TABLE", "shared")];
    let config = read(&[&base[..], &table].concat()).unwrap();
    assert!(config.approvals.is_none() && config.budgets.is_none(), "a table alone turns nothing on");
}

#[test]
fn authorizer_mode_needs_no_token() {
    let config = read(&[("AGUI_AUTH", "authorizer"), ("AGUI_MODEL", "scripted/demo")]).unwrap();

    assert!(config.token.is_none());
}

#[test]
fn modes_with_a_jwt_need_issuer_and_audience() {
    let model = ("AGUI_MODEL", "scripted/demo");
    let issuer = ("AGUI_JWT_ISSUER", "https://issuer.example");
    let audience = ("AGUI_JWT_AUDIENCE", "app");
    for (auth, mode, missing) in [
        ("jwt", AuthMode::Jwt, &[][..]),
        ("token_or_jwt", AuthMode::TokenOrJwt, &["AGUI_TOKEN_SECRET_ID"][..]),
    ] {
        let base = [("AGUI_AUTH", auth), model];
        assert_eq!(
            reported(&base),
            [missing, &["AGUI_JWT_ISSUER", "AGUI_JWT_AUDIENCE"]].concat(),
            "{auth}, nothing"
        );
        for (set, also_missing) in [(issuer, "AGUI_JWT_AUDIENCE"), (audience, "AGUI_JWT_ISSUER")] {
            let reported = reported(&[&base[..], &[set]].concat());
            assert_eq!(reported, [missing, &[also_missing]].concat(), "{auth}, {}", set.0);
        }
        let token = ("AGUI_TOKEN_SECRET_ID", "token");
        let config = read(&[&base[..], &[issuer, audience, token]].concat()).unwrap();
        assert_eq!((config.auth, config.user_tokens.is_some()), (mode, true), "{auth}");
    }
    let jwt = read(&[("AGUI_AUTH", "jwt"), model, issuer, audience]).unwrap();
    assert!(jwt.token.is_none(), "no secret is needed");

    for (value, audiences) in [
        ("app", &["app"][..]),
        (" app\n", &["app"]),
        ("web,mobile", &["web", "mobile"]),
        ("api://orders, https://orders.example/", &["api://orders", "https://orders.example/"]),
    ] {
        let jwt = [("AGUI_AUTH", "jwt"), model, issuer, ("AGUI_JWT_AUDIENCE", value)];
        assert_eq!(read(&jwt).unwrap().user_tokens.unwrap().audiences, audiences, "{value:?}");
    }
    for value in ["web,", ",web", "web,,mobile"] {
        let jwt = [("AGUI_AUTH", "jwt"), model, issuer, ("AGUI_JWT_AUDIENCE", value)];
        assert_eq!(reported(&jwt), ["AGUI_JWT_AUDIENCE"], "{value:?}");
    }
}
