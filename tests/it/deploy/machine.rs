//! A machine that deploys a sample project, and an AWS account that this process plays.
//!
//! The project is `project/`, with nothing of this repository but the deployment. `tests/servers/aws_account.py` is the account,
//! `tests/servers/deploy_tools.py` stands in for cargo and SAM. `sam deploy` is the real one with [`real_sam`].

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::sam_venv;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The result of a command: its exit code and what it has printed.
pub(super) struct Printed {
    pub(super) code: i64,
    pub(super) text: String,
}

impl Printed {
    /// Fails unless the command has succeeded and has printed these texts.
    #[track_caller]
    pub(super) fn assert_has(&self, texts: &[&str]) {
        assert_eq!(self.code, 0, "{}", self.text);
        self.assert_contains(texts);
    }

    /// Fails unless the command has failed and has printed these texts, and no traceback.
    #[track_caller]
    pub(super) fn assert_fails_with(&self, texts: &[&str]) {
        assert_ne!(self.code, 0, "{}", self.text);
        assert!(!self.text.contains("Traceback"), "{}", self.text);
        self.assert_contains(texts);
    }

    /// Fails unless these texts were printed. Line breaks count as blanks, because paragraphs are wrapped.
    #[track_caller]
    fn assert_contains(&self, texts: &[&str]) {
        let printed = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in texts {
            assert!(printed.contains(text), "not printed: {text}\n{}", self.text);
        }
    }
}

/// A machine with a project in a folder of its own, and an empty account.
pub(super) struct Machine {
    folder: PathBuf,
    account: Child,
    url: String,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.account.kill();
        let _ = self.account.wait();
    }
}

impl Machine {
    /// Creates a machine with the sample project.
    pub(super) fn new(name: &str) -> Self {
        let project = Path::new(REPOSITORY).join("tests/it/deploy/project");
        Self::with_templates(name, &project)
    }

    /// Creates a machine whose project has the `template.yaml`, `samconfig.toml` and `deploy/*.yaml` of a folder.
    pub(super) fn with_templates(name: &str, templates: &Path) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("deploy").join(name);
        let _ = fs::remove_dir_all(&folder);
        let project = folder.join("project");
        for made in ["deploy", "scripts/deploy", ".venv-sam/bin"] {
            fs::create_dir_all(project.join(made)).unwrap();
        }
        for file in ["template.yaml", "samconfig.toml"] {
            fs::copy(templates.join(file), project.join(file)).unwrap();
        }
        fs::write(project.join("Cargo.toml"), "[package]\nname = \"shop-agent\"\n").unwrap();
        fs::write(project.join("Makefile"), "include scripts/deploy/deploy.mk\n").unwrap();
        copy_files(&templates.join("deploy"), &project.join("deploy"), "yaml");
        for kind in ["py", "mk"] {
            copy_files(&Path::new(REPOSITORY).join("scripts/deploy"), &project.join("scripts/deploy"), kind);
        }
        // make compares its time with that of the environment, so it is the same file.
        let requirements = project.join("deploy/requirements.txt");
        symlink(Path::new(REPOSITORY).join("deploy/requirements.txt"), requirements).unwrap();

        // An environment with the real Python and SAM, and with other programs for what takes long.
        let venv = project.join(".venv-sam");
        let python = sam_venv().join("bin/python");
        let tools = fs::read_to_string(format!("{REPOSITORY}/tests/servers/deploy_tools.py")).unwrap();
        for tool in ["sam", "cargo", "cargo-lambda"] {
            write_program(&venv.join("bin").join(tool), &format!("#!{}\n{tools}", python.display()));
        }
        let runs_python = format!("#!/bin/sh\nexec {} \"$@\"\n", python.display());
        write_program(&venv.join("bin/python"), &runs_python);
        fs::write(venv.join(".stamp"), "").unwrap();

        let mut account = Command::new(&python)
            .args(["-B", &format!("{REPOSITORY}/tests/servers/aws_account.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(account.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { folder, account, url: url.trim().to_owned() }
    }

    /// Returns the folder of the project.
    pub(super) fn project(&self) -> PathBuf {
        self.folder.join("project")
    }

    /// Returns the text of a file of the project.
    pub(super) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.project().join(name)).unwrap()
    }

    /// Returns a command in the project, with an environment that has credentials of the account and nothing else.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.project()).env_clear().envs([
            ("PATH", "/usr/bin:/bin"),
            ("HOME", self.folder.to_str().unwrap()),
            ("TERM", "dumb"),
            ("PS1", "$ "),
            ("LC_ALL", "C.UTF-8"),
            ("SAM_CLI_POLL_DELAY", "0.2"),
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_BEDROCK_BASE_URL", &format!("{}/mantle", self.url)),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]);
        command
    }

    /// Runs a command without a terminal, such as `make deploy`, with these variables. An empty one is removed.
    pub(super) fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Printed {
        let mut command = self.command(words[0]);
        command.args(&words[1..]).stdin(Stdio::null());
        set(&mut command, variables);
        let output = command.output().unwrap();
        let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
        Printed { code: output.status.code().unwrap().into(), text }
    }

    /// Runs a command in a terminal of 80 columns. Each step is a text that is waited for, and what is typed then.
    pub(super) fn type_into(
        &self,
        words: &[&str],
        steps: &[(&str, &str)],
        variables: &[(&str, &str)],
    ) -> Printed {
        let mut command = self.command(sam_venv().join("bin/python").to_str().unwrap());
        command.arg(format!("{REPOSITORY}/tests/servers/terminal.py"));
        set(&mut command, variables);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let task = json!({"command": words, "steps": steps});
        child.stdin.take().unwrap().write_all(task.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        Printed { code: result["code"].as_i64().unwrap(), text: result["text"].as_str().unwrap().to_owned() }
    }

    /// Sends a request to the account's own paths.
    fn account(&self, path: &str, body: &Value) -> Value {
        let output = Command::new("curl")
            .args(["--silent", "--fail", "--data", &body.to_string(), &format!("{}{path}", self.url)])
            .output()
            .unwrap();
        assert!(output.status.success(), "{path}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Returns what is in the account.
    pub(super) fn state(&self) -> Value {
        self.account("/_state", &json!({}))
    }

    /// Changes how the account answers.
    pub(super) fn play(&self, play: &Value) {
        self.account("/_play", play);
    }

    /// Adds something to the account, such as a secret.
    pub(super) fn have(&self, things: &Value) {
        self.account("/_have", things);
    }

    /// Returns the calls of cargo and SAM so far, by their first words.
    pub(super) fn calls(&self) -> Vec<String> {
        let state = self.state();
        let calls = state["calls"].as_array().unwrap().iter().map(|call| {
            let words = call.as_array().unwrap().iter().take(3).map(|word| word.as_str().unwrap());
            words.collect::<Vec<_>>().join(" ")
        });
        calls.collect()
    }

    /// Returns the names of the stacks in the account.
    pub(super) fn stacks(&self) -> Vec<String> {
        self.state()["stacks"].as_object().unwrap().keys().cloned().collect()
    }

    /// Returns the version at which the alias of a function is.
    pub(super) fn alias(&self, function: &str) -> Value {
        self.state()["functions"][function]["aliases"]["live"].clone()
    }
}

/// Sets variables of a command. An empty one is removed.
fn set(command: &mut Command, variables: &[(&str, &str)]) {
    for (name, value) in variables {
        if value.is_empty() {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
}

/// Returns the variable with which `sam deploy` is the real one, which takes ten seconds and not one.
pub(super) fn real_sam() -> (&'static str, String) {
    ("REAL_SAM", sam_venv().join("bin/sam").to_str().unwrap().to_owned())
}

/// Copies the files with an extension into another folder.
fn copy_files(from: &Path, to: &Path, extension: &str) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|found| found == extension) {
            fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    }
}

/// Writes a program.
fn write_program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
