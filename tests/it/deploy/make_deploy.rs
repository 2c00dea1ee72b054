//! `make deploy`: what it refuses before it builds, and what it corrects after cargo-lambda.
//!
//! moto identifies the account. `tests/servers/aws.py` stands in for the AWS CLI, cargo and SAM, and records what they change.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::moto::Moto;
use crate::support::venv;

const ROLE: (&str, &str) = ("ROLE", "arn:aws:iam::123456789012:role/agent");

/// A machine that deploys, with an empty account.
struct Machine {
    folder: PathBuf,
}

/// The settings for a deployment with cargo-lambda.
const CARGO_LAMBDA: [(&str, &str); 3] =
    [("WITH", "cargo-lambda"), ("AGUI_MODEL", "a/m,b/n"), ("AGUI_TOKEN_SECRET_ID", "token")];

impl Machine {
    /// Creates a machine with its own folder and a new account.
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("deploy").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("bin")).unwrap();
        // The script works in its own folder, so it is copied: no file of this checkout, such as samconfig.toml, has an effect.
        fs::create_dir_all(folder.join("scripts")).unwrap();
        let script = format!("{}/scripts/deploy.sh", env!("CARGO_MANIFEST_DIR"));
        fs::copy(script, folder.join("scripts/deploy.sh")).unwrap();
        let played =
            fs::read_to_string(format!("{}/tests/servers/aws.py", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for tool in ["aws", "cargo", "sam"] {
            let path = folder.join("bin").join(tool);
            fs::write(&path, format!("#!{}\n{played}", venv().join("bin/python3").display())).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    /// Runs the deployment with only these variables.
    fn deploy(&self, variables: &[(&str, &str)]) -> Output {
        let path =
            format!("{}:{}:/usr/bin:/bin", self.folder.join("bin").display(), venv().join("bin").display());
        let mut command = Command::new(self.folder.join("scripts/deploy.sh"));
        command.env_clear().env("PATH", path).env("HOME", &self.folder).stdin(Stdio::null());
        command.env("FAKE_AWS", self.folder.join("state.json")).env("FAKE_DEPLOY", "1.9.2");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(variables.iter().copied()).output().unwrap()
    }

    /// Deploys with cargo-lambda, settings and an account. Returns the output.
    fn deploy_successfully(&self, variables: &[(&str, &str)]) -> String {
        let done = self.deploy(&[&CARGO_LAMBDA, &Moto::shared().env()[..], variables].concat());
        assert!(done.status.success(), "{}", text(&done));
        text(&done)
    }

    /// Returns the state of the account after the calls so far.
    fn state(&self) -> Value {
        let state = fs::read_to_string(self.folder.join("state.json"));
        state.map(|state| serde_json::from_str(&state).unwrap()).unwrap_or_default()
    }

    /// Returns the commands called so far, by their first words.
    fn calls(&self) -> Vec<String> {
        let state = self.state();
        let calls = state["calls"].as_array().into_iter().flatten().map(|call| {
            let words = call.as_array().unwrap().iter().take(3).map(|word| word.as_str().unwrap());
            words.collect::<Vec<_>>().join(" ")
        });
        calls.collect()
    }

    /// Returns the actions that are allowed for everyone, with their conditions.
    fn public_permissions(&self) -> Vec<Value> {
        let state = self.state();
        let policy = state["policy"].as_array().unwrap().iter();
        policy.map(|statement| json!([statement["Action"], statement["Condition"]])).collect()
    }
}

/// Returns what a command has printed.
fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// Returns the two permissions of a public function URL.
fn public_url_permissions() -> [Value; 2] {
    [
        json!(["lambda:InvokeFunctionUrl", {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}]),
        json!(["lambda:InvokeFunction", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}]),
    ]
}

#[test]
fn refuses_invalid_deployments_before_building() {
    let account = Moto::shared().env();
    let cargo = ("WITH", "cargo-lambda");
    let model = ("AGUI_MODEL", "scripted/demo");
    let token = ("AGUI_TOKEN_SECRET_ID", "token");
    let region = ("AWS_REGION", "us-east-1");
    for (why, variables, has_account, output) in [
        ("another tool", vec![("WITH", "magic")], true, "WITH is magic; it must be sam or cargo-lambda"),
        ("SAM, and nobody to ask", vec![], true, "no terminal to ask for parameters"),
        ("no model", vec![cargo, token], true, "AGUI_MODEL must name the model"),
        ("no token", vec![cargo, model], true, "AGUI_TOKEN_SECRET_ID must name the secret"),
        (
            "a literal token",
            vec![cargo, model, token, ("AGUI_TOKEN", "planted")],
            true,
            "AGUI_TOKEN is for local mode",
        ),
        ("local mode", vec![cargo, model, token, ("AGUI_LOCAL", "1")], true, "AGUI_LOCAL is for local mode"),
        ("no such signer", vec![cargo, model, token, ("URL_AUTH", "OPEN")], true, "URL_AUTH is OPEN"),
        ("no role", vec![cargo, model, token], true, "set ROLE to the ARN of its role"),
        ("no region", vec![cargo, model, token, ROLE], false, "there is no region: set AWS_REGION"),
        (
            "no credentials",
            vec![cargo, model, token, ROLE, region],
            false,
            "Unable to locate credentials. Run `aws",
        ),
    ] {
        let machine = Machine::new("refused");
        let account = if has_account { &account[..] } else { &[] };

        let refused = machine.deploy(&[&variables, account].concat());

        assert_eq!(refused.status.code(), Some(1), "{why}: {}", text(&refused));
        assert!(text(&refused).contains(output), "{why}: {}", text(&refused));
        assert!(!text(&refused).contains("planted") && !text(&refused).contains("Traceback"), "{why}");
        assert!(
            machine.calls().iter().all(|call| call.starts_with("aws lambda get-")),
            "{why}: {:?}",
            machine.calls()
        );
    }
}

#[test]
fn sam_deploys_with_the_saved_parameters() {
    let machine = Machine::new("sam");
    fs::write(machine.folder.join("samconfig.toml"), "version = 0.1").unwrap();

    let done = machine.deploy(&Moto::shared().env());

    assert!(done.status.success(), "{}", text(&done));
    assert_eq!(machine.calls(), ["cargo metadata --locked", "sam build", "sam deploy"]);
}

#[test]
fn sets_url_streaming_and_json_logs_after_cargo_lambda() {
    let machine = Machine::new("streams");

    let output = machine.deploy_successfully(&[ROLE]);

    let state = machine.state();
    assert_eq!(
        (&state["url"]["InvokeMode"], &state["url"]["AuthType"]),
        (&json!("RESPONSE_STREAM"), &json!("NONE"))
    );
    assert_eq!(machine.public_permissions(), public_url_permissions());
    assert_eq!(
        state["function"]["LoggingConfig"],
        "LogFormat=JSON,ApplicationLogLevel=INFO,SystemLogLevel=WARN"
    );
    // A value may contain a comma, at which cargo-lambda's --env-var would split it.
    let settings: Vec<&str> =
        state["settings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(settings.contains(&"AGUI_MODEL=a/m,b/n") && settings.contains(&"AGUI_TOKEN_SECRET_ID=token"));
    assert!(settings.iter().all(|line| line.is_empty() || line.starts_with("AGUI_")), "{settings:?}");
    let calls = machine.calls();
    assert_eq!(
        calls[..3],
        ["aws lambda get-function-configuration", "cargo lambda build", "cargo lambda deploy"]
    );
    for expected in [
        "account 123456789012, us-east-1",
        "Function URL: RESPONSE_STREAM",
        "is public",
        "The URL streams: https://abc",
    ] {
        assert!(output.contains(expected), "{expected}: {output}");
    }

    machine.deploy_successfully(&[]);
    assert_eq!(
        machine.public_permissions(),
        public_url_permissions(),
        "a second time, without its role, it is the same"
    );
}

#[test]
fn corrects_permissions_of_an_older_cargo_lambda_url() {
    let machine = Machine::new("older");

    let output = machine.deploy_successfully(&[ROLE, ("FAKE_DEPLOY", "1.8")]);

    assert_eq!(machine.public_permissions(), public_url_permissions());
    for statement in ["old (unlimited)", "listed (unlimited)", "turned (unlimited)", "reader (other)"] {
        assert!(output.contains(&format!("Removed the statement {statement}")), "{output}");
    }
}

#[test]
fn unreadable_policy_fails_the_deployment() {
    let machine = Machine::new("denied");

    let output =
        machine.deploy(&[&CARGO_LAMBDA, &Moto::shared().env()[..], &[ROLE, ("FAKE_DENIES", "1")]].concat());

    let printed = text(&output);
    assert!(!output.status.success() && !printed.contains("The URL streams"), "{printed}");
    assert!(
        printed.contains("the policy of the function cannot be read")
            && printed.contains("AccessDeniedException"),
        "{printed}"
    );
}

#[test]
fn iam_mode_admits_only_signed_requests() {
    let machine = Machine::new("signed");

    machine.deploy_successfully(&[ROLE, ("URL_AUTH", "AWS_IAM")]);

    assert_eq!(machine.public_permissions(), Vec::<Value>::new());
    assert_eq!(machine.state()["url"]["AuthType"], "AWS_IAM");
    machine.deploy_successfully(&[]);
    assert_eq!(machine.public_permissions(), public_url_permissions(), "opened again");
}
