//! What the checks say about tools that are missing or old.

use super::Sample;

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
        (
            "cargo-lambda",
            "cargo-lambda",
            Some("echo cargo-lambda 1.8.0"),
            "is 1.8.0, and deploy/requirements.txt pins 1.9.2",
            "pip install cargo-lambda==1.9.2",
        ),
        ("sam", "sam", Some("exit 3"), "sam does not work", "pip install aws-sam-cli==1.170.0"),
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
    for tool in ["sam", "cargo-lambda", "zig"] {
        sample.without_tool(tool);
    }
    sample.tool("python3", r#"case "$1" in --version) echo Python 3.13.1;; -m) exit 1;; esac"#);
    let printed = sample.doctor(&["--local"]).await;
    for check in ["sam", "cargo-lambda", "zig"] {
        printed.assert_skipped(check, "`make deploy` installs it into .venv-sam");
    }

    // Without `make deploy` they have to be installed by hand.
    sample.remove("scripts/deploy/deploy.mk");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed("sam", "sam is missing", "pip install aws-sam-cli==1.170.0");
    printed.assert_failed("zig", "zig is missing", "pip install ziglang");
    printed.assert_skipped("python", "only `make deploy` needs it");
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
