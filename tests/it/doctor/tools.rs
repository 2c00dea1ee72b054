//! What the checks say about tools that are missing or old.

use std::fs::File;
use std::time::SystemTime;

use super::{Printed, Sample};

/// Where `make deploy` installs programs, as seen from the tools of the machine.
const VENV: &str = "../project/.venv-sam/bin";

#[tokio::test]
async fn tools_that_are_missing_or_old_fail() {
    for (check, tool, script, problem, fix) in [
        ("rust", "rustc", None, "rustc is missing", "rustup.rs"),
        (
            "rust",
            "rustc",
            Some("echo rustc 1.80.0"),
            "rustc is 1.80.0, and Cargo.toml needs 1.95.0",
            "rustup update stable",
        ),
        ("rust", "cargo", None, "cargo is missing", "rustup.rs"),
        ("c-compiler", "cc", None, "cc is missing", "build-essential"),
        ("c-compiler", "cc", Some("echo no >&2; exit 1"), "cc does not work: no", "build-essential"),
        ("python", "python3", Some("echo Python 3.9.2"), "python3 is 3.9.2, older than 3.11", "Python 3.11"),
        (
            "python",
            "python3",
            Some(r#"case "$1" in --version) echo Python 3.13.1;; *) exit 1;; esac"#),
            "no venv",
            "python3-venv",
        ),
        ("node", "node", None, "which web/package.json needs", "nodejs.org"),
        ("node", "node", Some("echo v18.2.0"), "node is 18.2.0, older than 20.19", "nodejs.org"),
    ] {
        let sample = Sample::new("tools");
        match script {
            Some(script) => sample.tool(tool, script),
            None => sample.without_tool(tool),
        }
        sample.doctor(&["--local"]).await.assert_failed(check, problem, fix);
    }
}

#[tokio::test]
async fn tools_that_make_deploy_installs_are_not_missing() {
    let sample = Sample::new("venv");
    // This cargo-lambda has no zig.
    sample.tool("python3", r#"case "$1" in --version) echo Python 3.13.1;; -m) exit 1;; esac"#);
    sample.without_tool("zig");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_skipped("zig", "zig is missing");
    printed.assert_ok("cargo-lambda", "cargo-lambda 1.9.2");
    for tool in ["sam", "cargo-lambda"] {
        sample.without_tool(tool);
    }
    let printed = sample.doctor(&["--local"]).await;
    for check in ["sam", "cargo-lambda", "zig"] {
        printed.assert_skipped(check, "is missing");
        printed.assert_skipped(check, "`make deploy` installs its own into .venv-sam");
    }

    // Without `make deploy` they have to be installed by hand.
    sample.remove("scripts/deploy/deploy.mk");
    let printed = sample.doctor(&["--local"]).await;
    let fix = "python3 -m venv .venv-sam && .venv-sam/bin/pip install aws-sam-cli==1.170.0 export PATH=";
    printed.assert_failed("sam", "sam is missing", fix);
    printed.assert_failed("zig", "zig is missing", ".venv-sam/bin/pip install ziglang");
    printed.assert_skipped("python", "only `make deploy` needs it");
}

#[tokio::test]
async fn tools_that_make_deploy_does_not_use_may_be_old_or_broken() {
    let sample = Sample::new("old-tools");
    sample.tool("cargo-lambda", "echo cargo-lambda 1.8.0");
    sample.tool("sam", "exit 3");
    let old = "is 1.8.0, and deploy/requirements.txt pins 1.9.2";
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_skipped("cargo-lambda", old);
    printed.assert_skipped("cargo-lambda", "`make deploy` installs its own into .venv-sam");
    printed.assert_skipped("sam", "sam does not work");

    // Without `make deploy` these are the ones that are used.
    sample.remove("scripts/deploy/deploy.mk");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed("cargo-lambda", old, ".venv-sam/bin/pip install cargo-lambda==1.9.2");
    printed.assert_failed("sam", "sam does not work", ".venv-sam/bin/pip install aws-sam-cli==1.170.0");
}

#[tokio::test]
async fn old_tools_of_make_deploy_are_installed_again_by_make() {
    let sample = Sample::new("old-venv");
    sample.tool(&format!("{VENV}/cargo-lambda"), "echo cargo-lambda 1.8.0");
    sample.write(".venv-sam/.stamp", "");
    let problem = "is 1.8.0, and deploy/requirements.txt pins 1.9.2";
    let fix = |printed: &Printed, fix: &str| printed.assert_failed("cargo-lambda", problem, fix);

    // make takes the folder as complete, and installs nothing.
    fix(&sample.doctor(&["--local"]).await, "rm -rf .venv-sam make .venv-sam/.stamp");

    // deploy/requirements.txt has changed since.
    let stamp = File::options().write(true).open(sample.project().join(".venv-sam/.stamp")).unwrap();
    stamp.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let printed = sample.doctor(&["--local"]).await;
    fix(&printed, "make .venv-sam/.stamp");
    assert!(!printed.text.contains("rm -rf"), "{}", printed.text);
}

#[tokio::test]
async fn complete_folder_of_make_deploy_must_have_the_tools() {
    let sample = Sample::new("broken-venv");
    sample.without_tool("sam");
    sample.write(".venv-sam/.stamp", "");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed("sam", "sam is missing", "rm -rf .venv-sam make .venv-sam/.stamp");
}

#[tokio::test]
async fn target_of_the_function_must_be_there_or_be_added_by_rustup() {
    let sample = Sample::new("target");
    sample.doctor(&["--local"]).await.assert_ok("target", "aarch64-unknown-linux-gnu is installed");

    sample.tool("rustc", r#"case "$1" in --print) echo /none;; *) echo rustc 1.95.0;; esac"#);
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed(
        "target",
        "there is no rustup to add it",
        "rustup target add aarch64-unknown-linux-gnu",
    );

    sample.tool("rustup", "");
    sample.doctor(&["--local"]).await.assert_ok("target", "added by rustup");
}

#[tokio::test]
async fn project_without_a_template_needs_no_tool_of_a_deployment() {
    let sample = Sample::new("no-template");
    sample.remove("template.yaml");
    let printed = sample.doctor(&["--local"]).await;
    for check in ["cargo-lambda", "zig", "target", "sam", "python"] {
        printed.assert_skipped(check, "there is no template.yaml here");
    }
}
