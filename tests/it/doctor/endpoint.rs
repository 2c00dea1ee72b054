//! What the checks say about an endpoint: the real function, and endpoints with one fault each.

use std::sync::Arc;

use ag_ui_dev::Issuer;
use http::{HeaderName, Method, Response};
use jsonwebtoken::Algorithm;
use serde_json::json;

use super::Sample;
use super::account_stub::{AccountStub, Played};
use super::endpoint_stub::{Fault, ORIGIN, TOKEN, events, start};
use crate::support::client_run::serve_url;
use crate::support::function;

#[tokio::test]
async fn function_that_works_passes_each_check() {
    let function = Arc::new(function::local_function(&[("AGUI_SCRIPTED_DELAY_MS", "30")]).await);
    let url = serve_url(&function).await;
    let mut sample = Sample::new("function");
    sample.set("AGUI_TOKEN", function::TOKEN);

    let printed = sample.doctor(&["--local", "--url", &url.url(), "--run"]).await;

    assert_eq!(printed.code, 0, "{}", printed.text);
    for (check, found) in [
        ("health", "GET /health is answered with 200"),
        ("clock", "differ by"),
        ("no-token", "refused with 401"),
        ("wrong-token", "refused with 401"),
        ("method", "PUT is refused with 405, Allow: POST"),
        ("token", "the token is accepted"),
        ("headers", "text/event-stream, not compressed"),
        ("run", "RUN_FINISHED after"),
        ("streams", "the events came one after the other"),
    ] {
        printed.assert_ok(check, found);
    }
    assert!(!printed.text.contains(function::TOKEN), "{}", printed.text);
}

#[tokio::test]
async fn each_fault_of_an_endpoint_fails_its_check() {
    let faults: [(&str, Fault, &str, &str, &str); 20] = [
        (
            "another server",
            |_, _| Response::new("<html>".into()),
            "health",
            "not as an agent of this library does",
            "output Url",
        ),
        (
            "a permission is missing",
            |_, _| status(403),
            "health",
            "AWS refused the request before the function",
            "lambda:InvokeFunction",
        ),
        (
            "a redirect",
            |_, _| with(status(302), "location", "https://elsewhere.example/"),
            "health",
            "answered with 302, a redirect to https://elsewhere.example/",
            "output Url",
        ),
        (
            "a redirect of runs, which would get the token",
            |asked, right| posted(asked, right, || with(status(307), "location", "/health")),
            "token",
            "the token is answered with 307",
            "its log",
        ),
        ("no function", |_, _| status(404), "health", "no function answers", "without a path"),
        (
            "a function that fails",
            |_, _| status(502),
            "health",
            "answered with 502: the function has failed",
            "its log",
        ),
        (
            "a clock",
            |_, right| with(right, "date", "Thu, 01 Jan 2026 00:00:00 GMT"),
            "clock",
            "s ahead",
            "timedatectl",
        ),
        (
            "no authentication",
            |asked, right| {
                if asked.token.is_empty() { posted(asked, right, || stream(&["RUN_STARTED"])) } else { right }
            },
            "no-token",
            "everybody can run the agent",
            "AGUI_AUTH",
        ),
        (
            "no challenge",
            |_, right| without(right, "www-authenticate"),
            "no-token",
            "without the header WWW-Authenticate",
            "in front of the function",
        ),
        (
            "every token",
            |asked, right| posted(asked, right, || stream(&["RUN_STARTED"])),
            "wrong-token",
            "a wrong token is accepted",
            "AGUI_AUTH",
        ),
        (
            "no secret",
            |asked, right| posted(asked, right, || status(503)),
            "wrong-token",
            "cannot read its secret",
            "its log",
        ),
        (
            "every method",
            |asked, right| if asked.method == Method::PUT { status(200) } else { right },
            "method",
            "answered with 200 and not with 405",
            "output Url",
        ),
        ("no Allow", |_, right| without(right, "allow"), "method", "no header Allow", "removes it"),
        (
            "no CORS",
            |_, right| without(right, "access-control-allow-origin"),
            "cors",
            "may not call the endpoint",
            "AllowedOrigins=https://app.example",
        ),
        (
            "another token",
            |asked, right| if asked.token == TOKEN { status(401) } else { right },
            "token",
            "the token is answered with 401",
            "make -s token",
        ),
        (
            "a run that is cut",
            |_, right| right.map(|text| text.replace("RUN_FINISHED", "STEP_STARTED")),
            "token",
            "ends with STEP_STARTED",
            "its log",
        ),
        (
            "compression",
            |_, right| with(right, "content-encoding", "gzip"),
            "headers",
            "compressed (gzip)",
            "switch compression off",
        ),
        (
            "a proxy",
            |_, right| without(right, "x-accel-buffering"),
            "headers",
            "x-accel-buffering",
            "in front of the function",
        ),
        (
            "a run that fails",
            |asked, right| {
                run(asked, right, json!({"type": "RUN_ERROR", "code": "MODEL_MISCONFIGURED", "message": "m"}))
            },
            "run",
            "MODEL_MISCONFIGURED: m",
            "Secrets and Model",
        ),
        (
            "one piece",
            |asked, right| run(asked, right, json!({"type": "RUN_FINISHED"})),
            "streams",
            "in one piece",
            "InvokeMode: RESPONSE_STREAM",
        ),
    ];
    for (why, fault, check, problem, fix) in faults {
        let endpoint = start(fault);
        let mut sample = Sample::new("endpoint-faults");
        sample.set("AGUI_TOKEN", TOKEN);
        let printed =
            sample.doctor(&["--local", "--url", &endpoint.url(), "--origin", ORIGIN, "--run"]).await;
        println!("{why}");
        printed.assert_failed(check, problem, fix);
    }
}

#[tokio::test]
async fn jwt_is_sent_as_a_page_sends_it() {
    let issuer = Issuer::start().await.unwrap();
    let url = issuer.url();
    let settings = [
        ("AGUI_LOCAL", "1"),
        ("AGUI_AUTH", "jwt"),
        ("AGUI_JWT_ISSUER", url.as_str()),
        ("AGUI_JWT_AUDIENCE", "app"),
    ];
    let function = Arc::new(function::function(&settings).await);
    let endpoint = serve_url(&function).await;
    let claims = json!({"iss": url, "aud": "app", "sub": "ada-lovelace", "exp": 4_102_444_800_u64});
    let jwt = issuer.sign(Algorithm::ES256, &claims).unwrap();
    let sample = Sample::new("jwt");

    let printed = sample.doctor(&["--local", "--url", &endpoint.url(), "--jwt", &jwt]).await;
    assert_eq!(printed.code, 0, "{}", printed.text);
    printed.assert_ok("wrong-token", "refused with 401");
    printed.assert_ok("token", "the JWT is accepted");
    assert!(!printed.text.contains(&jwt), "{}", printed.text);

    let expired = json!({"iss": url, "aud": "app", "sub": "ada-lovelace", "exp": 1_700_000_000});
    let expired = issuer.sign(Algorithm::ES256, &expired).unwrap();
    let printed = sample.doctor(&["--local", "--url", &endpoint.url(), "--jwt", &expired]).await;
    printed.assert_failed("token", "the JWT is answered with 401, UNAUTHENTICATED", "sign in again");
}

#[tokio::test]
async fn endpoint_that_is_not_reached_skips_the_rest() {
    let mut sample = Sample::new("unreachable");
    sample.set("AGUI_TOKEN", TOKEN);
    let printed = sample.doctor(&["--local", "--url", "http://127.0.0.1:1/"]).await;
    printed.assert_failed("health", "GET /health gets no response: Connection refused", "output Url");
    printed.assert_skipped("token", "the endpoint was not reached");
}

#[tokio::test]
async fn no_model_is_asked_without_run() {
    let fault: Fault = |asked, right| {
        let has_messages = asked.input["messages"].as_array().is_some_and(|messages| !messages.is_empty());
        if has_messages { status(500) } else { right }
    };
    let endpoint = start(fault);
    let mut sample = Sample::new("no-run");
    let options = ["--local", "--url", &endpoint.url()];
    let printed = sample.doctor(&options).await;
    printed.assert_skipped("token", "there is no token: set AGUI_TOKEN, or give --jwt");

    sample.set("AGUI_TOKEN", TOKEN);
    let printed = sample.doctor(&options).await;
    assert_eq!(printed.code, 0, "{}", printed.text);
    printed.assert_ok("token", "the token is accepted");
    printed.assert_skipped("cors", "--origin names no origin");
    printed.assert_skipped("run", "--run sends a message");
    let printed = sample.doctor(&[&options[..], &["--origin", ORIGIN]].concat()).await;
    printed.assert_ok("cors", "pages of https://app.example may call, and those of another origin may not");
}

/// The JWT of a user.
const JWT: &str = "a.b.c";
/// What `make deploy` stores for a stack that reads the JWT of a user.
const ISSUER: &str = "UserJwtIssuer=https://login.example UserJwtAudience=app";

#[tokio::test]
async fn each_entry_point_is_called_as_its_callers_do() {
    let cases: [(&str, &str, &str, Fault, &str, &str); 8] = [
        (
            "server-token",
            "",
            "/",
            |asked, right| accept(asked, right, |asked| asked.token == TOKEN && asked.user_token.is_empty()),
            "the token is accepted",
            "the token is accepted",
        ),
        (
            "server-token",
            ISSUER,
            "/",
            |asked, right| accept(asked, right, |asked| asked.token == TOKEN && asked.user_token == JWT),
            "EntryPoint=server-token send the JWT of a user: give --jwt",
            "the token with the JWT is accepted",
        ),
        (
            "browser-jwt",
            ISSUER,
            "/",
            |asked, right| {
                accept(asked, right, |asked| asked.authorization == "Bearer a.b.c" && asked.token.is_empty())
            },
            "EntryPoint=browser-jwt send the JWT of a user: give --jwt",
            "the JWT is accepted",
        ),
        (
            "cloudfront",
            "",
            "/",
            |asked, right| {
                accept(asked, right, |asked| asked.token == TOKEN && asked.authorization.is_empty())
            },
            "the token is accepted",
            "the token is accepted",
        ),
        (
            "cloudfront",
            ISSUER,
            "/",
            // CloudFront writes a signature into Authorization.
            |asked, right| {
                accept(asked, right, |asked| asked.user_token == JWT && asked.authorization.is_empty())
            },
            "EntryPoint=cloudfront send the JWT of a user: give --jwt",
            "the JWT is accepted",
        ),
        (
            "rest-cognito",
            "",
            "/live/agui",
            |asked, right| {
                accept(asked, right, |asked| asked.path == "/live/agui" && asked.authorization == JWT)
            },
            "EntryPoint=rest-cognito send the JWT of a user: give --jwt",
            "the JWT is accepted",
        ),
        (
            "rest-lambda",
            "",
            "/live/agui",
            |asked, right| {
                accept(asked, right, |asked| asked.path == "/live/agui" && asked.authorization == JWT)
            },
            "EntryPoint=rest-lambda send the JWT of a user: give --jwt",
            "the JWT is accepted",
        ),
        (
            "signed-url",
            "",
            "/",
            |_, right| right,
            "lets only signed requests in",
            "lets only signed requests in",
        ),
    ];
    for (entry_point, parameters, path, fault, without_jwt, with_jwt) in cases {
        let endpoint = start(fault);
        let (sample, _account) = deployed(entry_point, parameters, &endpoint.url());
        let url = format!("{}{path}", endpoint.url());
        for (options, expected) in
            [(&["--url", &url][..], without_jwt), (&["--url", &url, "--jwt", JWT], with_jwt)]
        {
            let printed = sample.doctor(options).await;
            println!("{entry_point} {parameters} {options:?}");
            match expected.ends_with("is accepted") {
                true => printed.assert_ok("token", expected),
                false => printed.assert_skipped("token", expected),
            }
            assert!(!printed.text.contains(TOKEN) && !printed.text.contains(JWT), "{}", printed.text);
        }
    }
}

#[tokio::test]
async fn challenge_that_aws_has_renamed_is_one() {
    let endpoint = start(|_, right| match right.headers().get("www-authenticate").cloned() {
        Some(challenge) => {
            let renamed = with(right, "x-amzn-remapped-www-authenticate", challenge.to_str().unwrap());
            without(renamed, "www-authenticate")
        }
        None => right,
    });
    let mut sample = Sample::new("renamed");
    sample.set("AGUI_TOKEN", TOKEN);

    let printed = sample.doctor(&["--url", &endpoint.url()]).await;

    printed.assert_ok("no-token", "refused with 401");
    printed.assert_ok("wrong-token", "refused with 401");
}

#[tokio::test]
async fn authorizer_that_no_stack_names_is_recognised() {
    let gateway = start(|asked, _| match (&asked.method, asked.authorization.as_str()) {
        (&Method::POST, "Bearer a.b.c") => stream(&["RUN_STARTED", "RUN_FINISHED"]),
        _ => status(401),
    });
    let sample = Sample::new("authorizer");

    let printed = sample.doctor(&["--url", &gateway.url(), "--jwt", JWT]).await;

    printed.assert_skipped("health", "an authorizer decides about it before the function");
    printed.assert_ok("no-token", "refused with 401");
    printed.assert_ok("token", "the JWT is accepted");
}

#[tokio::test]
async fn response_in_one_piece_is_no_fault_where_the_template_wants_it() {
    let endpoint = start(|_, right| right);
    let mut sample = Sample::new("buffered");
    sample.set("AGUI_TOKEN", TOKEN);
    let options = ["--url", &endpoint.url(), "--run"];
    sample.doctor(&options).await.assert_failed(
        "streams",
        "came in one piece",
        "AGUI_RESPONSE_MODE=buffered",
    );

    sample.write(
        "template.yaml",
        "Resources:\n  Agent:\n    Type: AWS::Serverless::Function\n    Properties:\n      Environment:\n        Variables: {AGUI_RESPONSE_MODE: buffered}\n",
    );
    sample
        .doctor(&options)
        .await
        .assert_skipped("streams", "AGUI_RESPONSE_MODE=buffered is in template.yaml");
}

#[tokio::test]
async fn token_is_sent_in_the_header_of_the_template() {
    let endpoint = start(|asked, right| {
        accept(asked, right, |asked| asked.authorization == TOKEN && asked.token.is_empty())
    });
    let mut sample = Sample::new("token-header");
    sample.set("AGUI_TOKEN", TOKEN);
    sample.write(
        "template.yaml",
        "Resources:\n  Agent:\n    Type: AWS::Serverless::Function\n    Properties:\n      Environment:\n        Variables: {AGUI_TOKEN_HEADER: authorization}\n",
    );

    let printed = sample.doctor(&["--url", &endpoint.url()]).await;

    printed.assert_ok("token", "the token is accepted");
}

#[tokio::test]
async fn preflights_ask_for_what_pages_of_the_entry_point_send() {
    let endpoint = start(|_, right| right);
    let (sample, _account) = deployed("server-token", "", &endpoint.url());
    let printed = sample.doctor(&["--url", &endpoint.url(), "--origin", ORIGIN]).await;
    printed.assert_skipped("cors", "pages do not call EntryPoint=server-token");

    let (sample, _account) = deployed("browser-jwt", ISSUER, &endpoint.url());
    let printed = sample.doctor(&["--url", &endpoint.url(), "--origin", ORIGIN]).await;
    printed.assert_ok("cors", "pages of https://app.example may call");

    // Pages of CloudFront send other headers, which this endpoint does not allow.
    let (sample, _account) = deployed("cloudfront", ISSUER, &endpoint.url());
    let printed = sample.doctor(&["--url", &endpoint.url(), "--origin", ORIGIN]).await;
    printed.assert_failed("cors", "may not send the header x-agui-user-token", "AllowHeaders");
}

#[tokio::test]
async fn url_of_the_stack_is_that_of_its_callers() {
    let endpoint = start(|_, _| status(403));
    for (entry_point, expected) in [
        ("server-token", endpoint.url()),
        ("cloudfront", "the output Url of the stack shop-cloudfront".to_owned()),
        ("rest-cognito", "the output Url of the stack shop-rest-api".to_owned()),
    ] {
        let (sample, _account) = deployed(entry_point, "", &endpoint.url());
        sample.doctor(&[]).await.assert_skipped("health", &format!("the stack's is {expected}"));
    }
    // Only CloudFront may call the URL of the function behind it.
    let (sample, _account) = deployed("cloudfront", "", &endpoint.url());
    let printed = sample.doctor(&["--url", &endpoint.url()]).await;
    printed.assert_failed("health", "only CloudFront may call this URL", "Url of the stack shop-cloudfront");
}

/// Creates a project whose stack is deployed with an entry point and these parameters.
fn deployed(entry_point: &str, parameters: &str, url: &str) -> (Sample, AccountStub) {
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:SharedToken-AbCdEf";
    let account = AccountStub::start(Played {
        stack: Some("CREATE_COMPLETE"),
        outputs: vec![
            ("TokenSecretArn", arn.into()),
            ("EntryPoint", entry_point.into()),
            ("Url", url.into()),
        ],
        secrets: [(arn, Ok(json!({ "token": TOKEN }).to_string()))].into(),
        ..Played::default()
    });
    let mut sample = Sample::new("deployed");
    sample.sign_in(&account.url());
    sample.write(
        "samconfig.toml",
        &format!(
            "[default.deploy.parameters]\nstack_name = \"shop\"\nparameter_overrides = \"{parameters}\"\n"
        ),
    );
    (sample, account)
}

/// Answers as an endpoint that accepts runs with this proof only. An authorizer refuses everything else at other paths.
fn accept(
    asked: &super::endpoint_stub::Asked,
    right: Response<String>,
    is_right: fn(&super::endpoint_stub::Asked) -> bool,
) -> Response<String> {
    match (&asked.method, is_right(asked)) {
        (&Method::POST, true) => stream(&["RUN_STARTED", "RUN_FINISHED"]),
        (&Method::POST, false) => with(status(401), "www-authenticate", "Bearer"),
        _ if asked.path.starts_with("/live") => status(401),
        _ => right,
    }
}

/// Returns an empty response with this status.
fn status(status: u16) -> Response<String> {
    Response::builder().status(status).body(String::new()).unwrap()
}

/// Returns a response with another value of a header.
fn with(mut response: Response<String>, name: &'static str, value: &str) -> Response<String> {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}

/// Returns a response without a header.
fn without(mut response: Response<String>, name: &'static str) -> Response<String> {
    response.headers_mut().remove(HeaderName::from_static(name));
    response
}

/// Returns a stream with events of these types.
fn stream(types: &[&str]) -> Response<String> {
    Response::builder().header("content-type", "text/event-stream").body(events(types)).unwrap()
}

/// Returns another response to each run, and the right one to everything else.
fn posted(
    asked: &super::endpoint_stub::Asked,
    right: Response<String>,
    other: fn() -> Response<String>,
) -> Response<String> {
    if asked.method == Method::POST { other() } else { right }
}

/// Ends a run that has messages with this event.
fn run(
    asked: &super::endpoint_stub::Asked,
    right: Response<String>,
    last: serde_json::Value,
) -> Response<String> {
    let has_messages = asked.input["messages"].as_array().is_some_and(|messages| !messages.is_empty());
    if has_messages { right.map(|_| format!("{}data: {last}\n\n", events(&["RUN_STARTED"]))) } else { right }
}
