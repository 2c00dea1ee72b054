//! A sample project on a machine with sample tools, and what the program prints about it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::process::Command;

use crate::support::function::program;

const CARGO_TOML: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\nrust-version = \"1.95\"\n\n\
    [profile.release]\npanic = \"unwind\"\n\n[workspace]\n";

pub(super) const TEMPLATE: &str = r#"Parameters:
  Model: {Type: String, Default: scripted/demo}
Resources:
  Agent:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: shop}}
    Properties:
      CodeUri: .
      Architectures: [arm64]
      Timeout: 300
      AutoPublishAlias: live
      Environment:
        Variables:
          AGUI_MODEL: !Ref Model
          AGUI_RUN_TIMEOUT_S: "300"
  AgentUrl:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Agent.Alias, AuthType: NONE, InvokeMode: RESPONSE_STREAM}
  AgentUrlPermission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunctionUrl, FunctionName: !Ref Agent.Alias, Principal: "*", FunctionUrlAuthType: NONE}
  AgentUrlFunctionPermission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunction, FunctionName: !Ref Agent.Alias, Principal: "*", InvokedViaFunctionUrl: true}
"#;

/// The tools of the machine: names and what each does as a program of the shell.
const TOOLS: [(&str, &str); 8] = [
    ("rustc", r#"case "$1" in --print) echo /;; *) echo "rustc 1.95.0 (sample 2026-04-01)";; esac"#),
    ("cargo", concat!("exec ", env!("CARGO"), r#" "$@""#)),
    ("cc", "echo 'cc (sample) 14.2.0'"),
    ("cargo-lambda", "[ \"$1\" = lambda ] && echo 'cargo-lambda 1.9.2 (sample)'"),
    ("zig", "echo 0.13.0"),
    ("sam", "echo 'SAM CLI, version 1.170.0'"),
    ("python3", r#"case "$1" in --version) echo "Python 3.13.1";; esac"#),
    ("node", "echo v22.4.0"),
];

/// A machine with a project in a folder of its own. What is not changed is as it should be.
pub(super) struct Sample {
    folder: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Sample {
    /// Creates a machine on which everything is installed, with a project that has no fault. There are no credentials.
    pub(super) fn new(name: &str) -> Self {
        static CREATED: AtomicUsize = AtomicUsize::new(0);
        // Tests run at the same time, and several may have the same name for their project.
        let name = format!("{name}-{}", CREATED.fetch_add(1, Ordering::Relaxed));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("doctor").join(name);
        let _ = fs::remove_dir_all(&folder);
        let mut sample = Self { folder, variables: BTreeMap::new() };
        for (tool, script) in TOOLS {
            sample.tool(tool, script);
        }
        sample.write("Cargo.toml", CARGO_TOML);
        sample.write("src/main.rs", "fn main() {}\n");
        sample.write("template.yaml", TEMPLATE);
        sample.write("samconfig.toml", "[default.deploy.parameters]\nstack_name = \"shop\"\n");
        sample.write("scripts/deploy/deploy.mk", "");
        sample.write(
            "deploy/requirements.txt",
            "aws-sam-cli==1.170.0 \\\n    --hash=sha256:0\ncargo-lambda==1.9.2\n",
        );
        sample.write("web/package.json", "{}");
        sample.set("AWS_EC2_METADATA_DISABLED", "true");
        sample
    }

    /// Returns the folder of the project.
    pub(super) fn project(&self) -> PathBuf {
        self.folder.join("project")
    }

    /// Writes a file of the project.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.project().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces a text in a file of the project.
    pub(super) fn replace(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.project().join(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, &text.replace(from, to));
    }

    /// Removes a file of the project.
    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.project().join(name)).unwrap();
    }

    /// Installs a tool that does what this program of the shell says, in place of the one that is there.
    pub(super) fn tool(&self, name: &str, script: &str) {
        let path = self.tool_path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Removes a tool.
    pub(super) fn without_tool(&self, name: &str) {
        fs::remove_file(self.tool_path(name)).unwrap();
    }

    /// Sets a variable of the environment.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Sets the variables with which an account on this machine is asked in place of AWS.
    pub(super) fn sign_in(&mut self, url: &str) {
        for (name, value) in [
            ("AWS_ENDPOINT_URL", url),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ] {
            self.set(name, value);
        }
    }

    /// Runs `ag-ui-dev doctor` with these options.
    pub(super) async fn doctor(&self, options: &[&str]) -> Printed {
        let mut command = Command::new(program("ag-ui-dev"));
        command.arg("doctor").args(options).current_dir(self.project()).env_clear();
        command.env("PATH", self.folder.join("bin")).env("HOME", &self.folder).envs(&self.variables);
        let output = command.output().await.unwrap();
        let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
        let text = text.replace(&*self.project().canonicalize().unwrap().to_string_lossy(), "<project>");
        Printed { code: output.status.code().unwrap(), text }
    }

    /// Returns where a tool is.
    fn tool_path(&self, name: &str) -> PathBuf {
        Path::new(&self.folder).join("bin").join(name)
    }
}

/// The exit code of the program, and what it has printed.
pub(super) struct Printed {
    pub(super) code: i32,
    pub(super) text: String,
}

impl Printed {
    /// Returns the lines about a check, without line breaks: its mark, what was found, and the fix.
    #[track_caller]
    fn finding(&self, check: &str) -> String {
        let is_mark = |line: &str| line.starts_with("  [") || line.is_empty();
        let is_about = |line: &str| {
            let names = line.split_once("] ").filter(|_| is_mark(line)).map(|(_, rest)| rest.trim_start());
            names.is_some_and(|rest| {
                rest.split(": ")
                    .next()
                    .unwrap_or_default()
                    .split(", ")
                    .any(|name| name.trim_end_matches([':', ',']) == check)
            })
        };
        // A long list of checks goes on in the next line.
        let text = self.text.replace(",\n            ", ", ");
        let mut lines = text.lines().skip_while(|line| !is_about(line));
        let first = lines.next().unwrap_or_else(|| panic!("no line about {check}:\n{}", self.text));
        let rest = lines.take_while(|line| !is_mark(line));
        [first].into_iter().chain(rest).flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
    }

    /// Fails unless the check is ok and has found this.
    #[track_caller]
    pub(super) fn assert_ok(&self, check: &str, found: &str) {
        let finding = self.finding(check);
        assert!(finding.starts_with("[ok]") && finding.contains(found), "{found}: {finding}");
    }

    /// Fails unless the check was skipped for this reason.
    #[track_caller]
    pub(super) fn assert_skipped(&self, check: &str, reason: &str) {
        let finding = self.finding(check);
        assert!(finding.starts_with("[skipped]") && finding.contains(reason), "{reason}: {finding}");
    }

    /// Fails unless the check has failed with this problem and this fix, and the exit code says so.
    #[track_caller]
    pub(super) fn assert_failed(&self, check: &str, problem: &str, fix: &str) {
        let finding = self.finding(check);
        assert!(finding.starts_with("[failed]"), "{finding}");
        let (found, advice) = finding.split_once(" Fix: ").unwrap_or_else(|| panic!("no fix: {finding}"));
        assert!(found.contains(problem), "{problem}: {found}");
        assert!(advice.contains(fix), "{fix}: {advice}");
        assert_eq!(self.code, 1, "{}", self.text);
    }
}
