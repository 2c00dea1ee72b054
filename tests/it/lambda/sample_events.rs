//! The sample events: Lambda passes each of them in this format, and the function responds as `expected.json` describes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ag_ui_dev::Issuer;
use jsonwebtoken::Algorithm;
use lambda_http::request::LambdaRequest;
use lambda_http::{Body, RequestExt as _};
use serde_json::{Value, json};

use crate::support::function::{Function, Reply, local_function};
use crate::support::{oracles, recording};

const AUDIENCE: &str = "sample-app";

#[test]
fn folder_table_and_expectations_list_the_same_events() {
    let entries = fs::read_dir(folder()).unwrap();
    let files: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json") && name != "expected.json")
        .collect();
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows: Vec<String> = readme
        .lines()
        .filter_map(|line| {
            let (name, _) = line.strip_prefix("| `")?.split_once('`')?;
            name.ends_with(".json").then(|| name.to_owned())
        })
        .collect();
    let expected: BTreeSet<String> = expectations().into_keys().collect();

    assert_eq!(files, expected);
    assert_eq!(files, rows.iter().cloned().collect());
    assert_eq!(files.len(), rows.len(), "no event has two rows");
}

#[test]
fn table_has_the_expected_status_and_code() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    for (name, expected) in expectations() {
        let row = readme.lines().find(|line| line.contains(&format!("`{name}`")));
        let cells: Vec<&str> = row.unwrap().split('|').map(str::trim).collect();
        let needs_authorizer = expected["env"]["AGUI_AUTH"] == "both";

        assert_eq!(cells[4], expected["status"].to_string(), "{name}");
        assert_eq!(cells[1].contains('●'), needs_authorizer, "{name}");
        if let Some(outcome) = expected["code"].as_str().or(expected["ends"].as_str()) {
            assert!(cells[5].contains(outcome), "{name}");
        }
    }
}

#[test]
fn lambda_http_decodes_each_event_as_its_source() {
    for name in expectations().into_keys().filter(|name| name != "load-balancer.json") {
        let text = read(&name);
        let event: Value = serde_json::from_str(&text).unwrap();
        let decoded: LambdaRequest = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let is_rest = matches!(decoded, LambdaRequest::ApiGatewayV1(_));
        let is_v2 = matches!(decoded, LambdaRequest::ApiGatewayV2(_));
        let request: lambda_http::Request = decoded.into();

        let is_in_format_1 = name.starts_with("rest-") || name == "http-api-format-1.json";
        assert!(if is_in_format_1 { is_rest } else { is_v2 }, "{name}");
        let path = event["rawPath"].as_str().or(event["path"].as_str()).unwrap();
        assert_eq!(request.raw_http_path(), path, "{name}");
        let length = request.headers().get("content-length");
        let length = length.map(|length| length.to_str().unwrap().parse::<usize>().unwrap());
        let body = match request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        assert_eq!(body.is_empty(), event["body"].as_str().is_none_or(str::is_empty), "{name}");
        if let Some(length) = length {
            assert_eq!(body.len(), length, "{name}: the length that the header tells");
        }
    }
}

#[tokio::test]
async fn each_event_gets_the_documented_response() {
    // Events that need the same variables share a function.
    let mut groups: BTreeMap<(String, bool), Vec<(String, Value)>> = BTreeMap::new();
    for (name, expected) in expectations() {
        let group = (expected["env"].to_string(), expected.get("user_jwt").is_some());
        groups.entry(group).or_default().push((name, expected));
    }
    assert_eq!(groups.len(), 4, "plain, with an authorizer, with a user's token, with approvals");

    let issuer = Issuer::start().await.unwrap();
    let mut recordings = Vec::new();
    for ((_, wants_user), events) in &groups {
        let function = function_for(&events[0].1, wants_user.then_some(&issuer)).await;
        for (name, expected) in events {
            let reply = send(&function, name, &issuer, expected).await;
            check(name, expected, &reply);
            if !reply.events.is_empty() {
                let file = recording(name).with_extension("sse");
                fs::write(&file, &reply.text).unwrap();
                recordings.push(file);
            }
        }
    }
    oracles::check_runs(&recordings).await.unwrap_or_else(|refusal| panic!("{refusal}"));
}

/// Starts a function with the variables that the expectation lists.
async fn function_for(expected: &Value, issuer: Option<&Issuer>) -> Function {
    let mut variables: Vec<(String, String)> = Vec::new();
    for (name, value) in expected["env"].as_object().into_iter().flatten() {
        variables.push((name.clone(), value.as_str().unwrap().to_owned()));
    }
    if let Some(issuer) = issuer {
        variables.extend([
            ("AGUI_JWT_ISSUER".into(), issuer.url()),
            ("AGUI_JWT_AUDIENCE".into(), AUDIENCE.into()),
            ("AGUI_JWKS_URL".into(), issuer.jwks_url()),
        ]);
    }
    let variables: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    local_function(&variables).await
}

/// Sends a sample event, with a valid user token if the expectation asks for one.
async fn send(function: &Function, name: &str, issuer: &Issuer, expected: &Value) -> Reply {
    let mut text = read(name);
    if let Some(claims) = expected.get("user_jwt") {
        assert!(text.contains("{{USER_JWT}}"), "{name}");
        text = text.replace("{{USER_JWT}}", &user_token(issuer, claims));
    }
    Reply::send(function, &serde_json::from_str(&text).unwrap()).await
}

/// Signs a user token with these claims.
fn user_token(issuer: &Issuer, claims: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = claims.clone();
    claims["iss"] = issuer.url().into();
    claims["aud"] = AUDIENCE.into();
    claims["iat"] = now.into();
    claims["exp"] = (now + 300).into();
    issuer.sign(Algorithm::RS256, &claims).unwrap()
}

/// Compares a response with all that `expected.json` lists for the event. An unknown key fails.
fn check(name: &str, expected: &Value, reply: &Reply) {
    for (key, expected) in expected.as_object().unwrap() {
        let got = match key.as_str() {
            "status" => reply.status.into(),
            "code" => reply.json()["error"]["code"].clone(),
            "path" => reply.json()["error"]["path"].clone(),
            "body" => reply.json(),
            "tools" => tools(reply),
            "ends" => reply.events.last().unwrap()["type"].clone(),
            "pending" => pending(reply),
            "outcome" => reply.events.last().unwrap()["outcome"]["type"].clone(),
            "account" => reply.result_of("get_account"),
            "env" | "user_jwt" => continue,
            other => panic!("{name}: expected.json has an unknown key {other}"),
        };
        assert_eq!(got, *expected, "{name}: {key}\n{}", reply.text);
    }
    if reply.status != 200 {
        let error = &reply.json()["error"];
        assert!(error["message"].is_string(), "{name}: a refusal says why");
    }
}

/// Returns the names of the called tools.
fn tools(reply: &Reply) -> Value {
    let starts = reply.events.iter().filter(|e| e["type"] == "TOOL_CALL_START");
    starts.map(|event| event["toolCallName"].clone()).collect()
}

/// Returns the names of the tools whose calls are pending.
fn pending(reply: &Reply) -> Value {
    let ids = &reply.events.last().unwrap()["outcome"]["pendingToolCallIds"];
    let name = |id: &Value| {
        let mut starts = reply.events.iter().filter(|e| e["type"] == "TOOL_CALL_START");
        starts.find(|event| event["toolCallId"] == *id).unwrap()["toolCallName"].clone()
    };
    ids.as_array().into_iter().flatten().map(name).collect()
}

/// Reads `expected.json`.
fn expectations() -> BTreeMap<String, Value> {
    serde_json::from_str(&read("expected.json")).unwrap()
}

/// Reads a file of the folder `events`.
fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Returns the folder `events`.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("events")
}

#[test]
#[should_panic(expected = "status")]
fn differing_response_is_detected() {
    let reply =
        Reply { status: 500, text: json!({"error": {"message": ""}}).to_string(), events: Vec::new() };
    check("an event", &json!({"status": 200}), &reply);
}
