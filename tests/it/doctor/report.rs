//! What is printed for a project without a fault, and for one with many.

use std::collections::HashMap;

use http::Response;
use insta::assert_snapshot;
use serde_json::json;

use super::Sample;
use super::account_stub::{AccountStub, Played};
use super::endpoint_stub::{ORIGIN, TOKEN, start};

const TOKEN_ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:SharedToken-AbCdEf";
const KEY_ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ApprovalKey-AbCdEf";

/// Returns an account with a stack and these secrets.
fn account(secrets: &[(&'static str, String)]) -> AccountStub {
    AccountStub::start(Played {
        stack: Some("CREATE_COMPLETE"),
        outputs: vec![("TokenSecretArn", TOKEN_ARN.into()), ("ApprovalSecretArn", KEY_ARN.into())],
        secrets: secrets.iter().cloned().map(|(id, value)| (id, Ok(value))).collect::<HashMap<_, _>>(),
        ..Played::default()
    })
}

#[tokio::test]
async fn project_without_a_fault() {
    let secrets = [(TOKEN_ARN, json!({ "token": TOKEN })), (KEY_ARN, json!({ "key": TOKEN.repeat(2) }))];
    let account = account(&secrets.map(|(id, value)| (id, value.to_string())));
    let endpoint = start(|_, right| right);
    let mut sample = Sample::new("healthy");
    sample.sign_in(&account.url());

    let printed = sample.doctor(&["--url", &endpoint.url(), "--origin", ORIGIN]).await;

    // A second may begin between both clocks.
    let text = printed.text.replace("differ by 1 s", "differ by 0 s");
    assert_snapshot!(text, @r#"
    Tools
      [ok]      rust: rustc 1.95.0; Cargo.toml needs 1.95.0
      [ok]      c-compiler: cc (sample) 14.2.0
      [ok]      cargo-lambda: cargo-lambda 1.9.2
      [ok]      zig: zig 0.13.0
      [ok]      target: aarch64-unknown-linux-gnu is installed
      [ok]      sam: sam 1.170.0
      [ok]      python: python3 3.13.1 with venv
      [ok]      node: node 22.4.0

    Project
      [ok]      manifest: shop 0.1.0
      [ok]      panic: Cargo.toml sets panic = "unwind" for release builds
      [ok]      program: cargo can build shop

    Template
      [ok]      template: template.yaml has the function Agent
      [ok]      timeout: Timeout and AGUI_RUN_TIMEOUT_S are both 300 s
      [ok]      streaming: AgentUrl has InvokeMode RESPONSE_STREAM
      [ok]      alias: URLs and their permissions are those of the alias
      [ok]      local-settings: none of AGUI_LOCAL, AGUI_TOKEN, AGUI_APPROVAL_KEY is
                set
      [ok]      variables: all 2 variables AGUI_* are known

    AWS
      [ok]      region: eu-central-1, from AWS_REGION
      [ok]      credentials: account 123456789012, as
                arn:aws:sts::123456789012:assumed-role/Developer/amelie
      [ok]      stack: shop is CREATE_COMPLETE

    Secrets
      [ok]      token-secret: SharedToken can be read and has 32 characters
      [ok]      approval-secret: ApprovalKey can be read and has 64 characters
      [skipped] log-name-secret: AGUI_WHO_SECRET_ID names no secret
      [skipped] model-keys: the model needs no key of a provider

    Model
      [ok]      model: scripted/demo, from the parameter Model. It is a script and
                not a language model
      [skipped] bedrock-access: the model is not one of Bedrock
      [skipped] provider: no model is one of a provider outside of AWS

    Endpoint
      [ok]      health: GET /health is answered with 200
      [ok]      clock: this machine and the endpoint differ by 0 s
      [ok]      no-token: a request without a token is refused with 401
      [ok]      wrong-token: a wrong token is refused with 401
      [ok]      method: PUT is refused with 405, Allow: POST
      [ok]      cors: pages of https://app.example may call, and those of another
                origin may not
      [ok]      token: the token is accepted
      [ok]      headers: text/event-stream, not compressed, and proxies are asked
                not to hold it back
      [skipped] run, streams: --run sends a message to the agent, which may cost
                money

    37 checks: 31 ok, 0 failed, 6 skipped.
    "#);
    assert_eq!(printed.code, 0);
}

#[tokio::test]
async fn project_with_many_faults() {
    let account = account(&[(TOKEN_ARN, json!({ "token": "short" }).to_string())]);
    let endpoint = start(|_, _| Response::builder().status(403).body(String::new()).unwrap());
    let mut sample = Sample::new("broken");
    sample.sign_in(&account.url());
    sample.set("AGUI_MODEL", "bedrock/anthropic.claude-sample,groq/llama");
    sample.tool("rustc", "echo rustc 1.80.0");
    sample.without_tool("sam");
    sample.remove("scripts/deploy/deploy.mk");
    sample.replace("Cargo.toml", "panic = \"unwind\"", "lto = true");
    for (from, to) in [
        ("RESPONSE_STREAM", "BUFFERED"),
        ("\"300\"", "\"600\""),
        ("AGUI_MODEL:", "AGUI_MODLE:"),
        ("Action: lambda:InvokeFunction,", "Action: lambda:GetFunction,"),
    ] {
        sample.replace("template.yaml", from, to);
    }

    let printed = sample.doctor(&["--url", &endpoint.url(), "--run"]).await;

    assert_snapshot!(printed.text, @r#"
    Tools
      [failed]  rust: rustc is 1.80.0, and Cargo.toml needs 1.95.0
                Fix:
                  rustup update stable
      [ok]      c-compiler: cc (sample) 14.2.0
      [ok]      cargo-lambda: cargo-lambda 1.9.2
      [ok]      zig: zig 0.13.0
      [failed]  target: Rust cannot compile for aarch64-unknown-linux-gnu, and there
                is no rustup to add it
                Fix: install Rust from https://rustup.rs in place of the package of
                your system, and then:
                  rustup target add aarch64-unknown-linux-gnu
      [failed]  sam: sam is missing
                Fix:
                  python3 -m venv .venv-sam && .venv-sam/bin/pip install aws-sam-cli==1.170.0
                  export PATH="$PWD/.venv-sam/bin:$PATH"
      [skipped] python: only `make deploy` needs it, which is not part of this
                project
      [ok]      node: node 22.4.0

    Project
      [ok]      manifest: shop 0.1.0
      [failed]  panic: Cargo.toml does not set panic for release builds, and
                cargo-lambda then builds with "abort", so a panic of one tool would
                end every run of its process
                Fix: add these lines to Cargo.toml:
                  [profile.release]
                  panic = "unwind"
      [ok]      program: cargo can build shop

    Template
      [ok]      template: template.yaml has the function Agent
      [failed]  timeout: a run of Agent may take 600 s (AGUI_RUN_TIMEOUT_S), but
                Lambda ends the function after 300 s (Timeout)
                Fix: make them equal in template.yaml:15, at most 900:
                  Timeout: 600
                  AGUI_RUN_TIMEOUT_S: "600"
      [failed]  streaming: the URL AgentUrl does not stream: every run would arrive
                in one piece, at its end
                Fix: add this to template.yaml:18:
                  InvokeMode: RESPONSE_STREAM
      [failed]  alias: AWS refuses every request to the URL AgentUrl with 403:
                nobody has lambda:InvokeFunction
                Fix: add this resource to template.yaml:
                  AgentUrlFunctionPermission:
                    Type: AWS::Lambda::Permission
                    Properties:
                      Action: lambda:InvokeFunction
                      FunctionName: !Ref Agent.Alias
                      Principal: "*"
                      InvokedViaFunctionUrl: true
      [ok]      local-settings: none of AGUI_LOCAL, AGUI_TOKEN, AGUI_APPROVAL_KEY is
                set
      [failed]  variables: template.yaml:14 has AGUI_MODLE, which the function does
                not know and ignores
                Fix: write AGUI_MODEL, or remove the line

    AWS
      [ok]      region: eu-central-1, from AWS_REGION
      [ok]      credentials: account 123456789012, as
                arn:aws:sts::123456789012:assumed-role/Developer/amelie
      [ok]      stack: shop is CREATE_COMPLETE

    Secrets
      [failed]  token-secret: the secret SharedToken has 5 characters, and needs 32
                Fix: give it a new value:
                  aws secretsmanager put-secret-value --secret-id SharedToken --region eu-central-1 \
                    --secret-string "{\"token\":\"$(openssl rand -hex 32)\"}"
      [failed]  approval-secret: there is no secret ApprovalKey in eu-central-1:
                played ResourceNotFoundException
                Fix: deploy the stack again, or name another secret in
                AGUI_APPROVAL_SECRET_ID
      [skipped] log-name-secret: AGUI_WHO_SECRET_ID names no secret
      [failed]  model-keys: there is no GROQ_API_KEY
                Fix: to run it here, set GROQ_API_KEY. To deploy it, create a
                secret, and give its ARN as ModelSecretArn:
                  aws secretsmanager create-secret --name model-keys --region eu-central-1 \
                    --secret-string '{"GROQ_API_KEY":"..."}'

    Model
      [ok]      model: bedrock/anthropic.claude-sample, groq/llama, from AGUI_MODEL
      [failed]  bedrock-access: Bedrock has no model anthropic.claude-sample in
                eu-central-1: played ResourceNotFoundException
                Fix: the Bedrock console lists the models of a region under Model
                catalog, and its inference profiles under Cross-region inference
      [skipped] provider: groq/llama was not checked: only OpenAI, Anthropic, Gemini
                and Ollama are asked for their models

    Endpoint
      [failed]  health: GET /health is answered with 403: AWS refused the request
                before the function
                Fix: the URL needs two permissions, lambda:InvokeFunctionUrl and
                lambda:InvokeFunction, for the alias that it calls; a new permission
                can take a minute. template.yaml has both:
                  make deploy
      [skipped] clock, no-token, wrong-token, method, cors, token, headers, run,
                streams: the endpoint was not reached

    37 checks: 12 ok, 13 failed, 12 skipped.
    The lines behind `Fix:` say what to do. Then run `ag-ui-dev doctor` again.
    "#);
    assert_eq!(printed.code, 1);
}

/// The tests of this folder, one of which makes each check fail.
const TESTS: [&str; 6] = [
    include_str!("account.rs"),
    include_str!("endpoint.rs"),
    include_str!("model.rs"),
    include_str!("project.rs"),
    include_str!("secrets.rs"),
    include_str!("tools.rs"),
];

#[test]
fn each_check_is_named_by_a_test_that_makes_it_fail() {
    let page = include_str!("../../../docs/doctor.md").split("\n## Tools\n").nth(1).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let named = |check: &str| TESTS.iter().any(|test| test.contains(&format!("\"{check}\"")));
    let missing: Vec<&str> = rows.filter(|check| !named(check)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
