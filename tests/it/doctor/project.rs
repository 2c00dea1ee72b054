//! What the checks say about Cargo.toml and the templates.

use super::Sample;

#[tokio::test]
async fn faults_of_cargo_toml_fail() {
    let sample = Sample::new("manifest");
    sample.write("Cargo.toml", "[package]\nname = 1\n");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed("manifest", "cargo cannot read Cargo.toml", "cargo metadata");
    printed.assert_skipped("panic", "cargo cannot read Cargo.toml");

    sample.remove("Cargo.toml");
    sample.doctor(&["--local"]).await.assert_skipped("manifest", "there is no Cargo.toml");
}

#[tokio::test]
async fn release_builds_must_unwind() {
    let mut sample = Sample::new("panic");
    sample.replace("Cargo.toml", "panic = \"unwind\"", "lto = true");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed(
        "panic",
        "does not set panic for release builds",
        "[profile.release] panic = \"unwind\"",
    );

    sample.replace("Cargo.toml", "lto = true", "panic = \"abort\"");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed("panic", "sets panic = \"abort\"", "change it in Cargo.toml");

    sample.replace("Cargo.toml", "\"abort\"", "\"unwind\"");
    sample.write(".cargo/config.toml", "[profile.release]\npanic = \"abort\"\n");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed("panic", ".cargo/config.toml sets panic = \"abort\"", "remove `panic`");

    sample.remove(".cargo/config.toml");
    sample.set("CARGO_PROFILE_RELEASE_PANIC", "abort");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed(
        "panic",
        "CARGO_PROFILE_RELEASE_PANIC is abort",
        "unset CARGO_PROFILE_RELEASE_PANIC",
    );
}

/// cargo and cargo-lambda read the profile of the workspace, and not that of a member.
#[tokio::test]
async fn profile_counts_in_the_workspace() {
    let sample = Sample::new("workspace");
    sample.write("Cargo.toml", "[workspace]\nmembers = [\"agent\"]\nresolver = \"3\"\n");
    let member = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[profile.release]\npanic = \"unwind\"\n";
    sample.write("agent/Cargo.toml", member);
    sample.write("agent/src/main.rs", "fn main() {}\n");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_ok("manifest", "a workspace with 1 packages");
    printed.assert_failed("panic", "does not set panic", "add these lines to Cargo.toml");
    printed.assert_ok("program", "cargo can build shop");
}

#[tokio::test]
async fn programs_of_templates_must_exist() {
    let sample = Sample::new("program");
    sample.write("src/bin/rotate.rs", "fn main() {}\n");
    let rotation = "Resources:\n  Rotate:\n    Type: AWS::Serverless::Function\n    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: rotate}}\n    Properties: {CodeUri: ..}\n";
    sample.write("deploy/rotation.yaml", rotation);
    sample.doctor(&["--local"]).await.assert_ok("program", "cargo can build shop and rotate");

    sample.replace("deploy/rotation.yaml", "Binary: rotate", "Binary: rotat");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed(
        "program",
        "Binary of Rotate of deploy/rotation.yaml is rotat",
        "set Binary to one of: rotate, shop",
    );

    sample.replace("deploy/rotation.yaml", ", BuildProperties: {Binary: rotat}", "");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed("program", "names no Binary, and the package has several", "one of: rotate, shop");

    sample.replace("template.yaml", "CodeUri: .", "CodeUri: elsewhere");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed(
        "program",
        "where cargo has no package",
        "set CodeUri to the folder of the package",
    );
}

/// The unit tests have each fault of a template.
#[tokio::test]
async fn faults_of_the_template_fail() {
    for (from, to, check, problem, fix) in [
        ("Resources:", "Resources: [", "template", "template.yaml cannot be read", "sam validate --lint"),
        ("\"300\"", "\"301\"", "timeout", "may take 301 s", "Timeout: 301"),
        (
            "RESPONSE_STREAM",
            "BUFFERED",
            "streaming",
            "AgentUrl does not stream",
            "InvokeMode: RESPONSE_STREAM",
        ),
        (
            "{TargetFunctionArn: !Ref Agent.Alias",
            "{TargetFunctionArn: !Ref Agent",
            "alias",
            "calls Agent itself",
            "!Ref Agent.Alias",
        ),
        (
            "AGUI_MODEL: !Ref Model",
            "AGUI_LOCAL: 1",
            "local-settings",
            "template.yaml:14 has AGUI_LOCAL",
            "remove this line",
        ),
        (
            "AGUI_MODEL: !Ref Model",
            "AGUI_MODLE: !Ref Model",
            "variables",
            "template.yaml:14 has AGUI_MODLE",
            "write AGUI_MODEL",
        ),
    ] {
        let sample = Sample::new("template");
        sample.replace("template.yaml", from, to);
        sample.doctor(&["--local"]).await.assert_failed(check, problem, fix);
    }
}

/// The project of this repository and the one that `make new` makes have no fault.
#[tokio::test]
async fn this_repository_has_no_fault() {
    let sample = Sample::new("repository");
    let repository = env!("CARGO_MANIFEST_DIR");
    for name in ["template.yaml", "samconfig.toml", "deploy/rotation.yaml"] {
        let text = std::fs::read_to_string(format!("{repository}/{name}")).unwrap();
        sample.write(
            name,
            &text
                .replace("Binary: ag-ui-lambda", "Binary: shop")
                .replace("Binary: ag-ui-rotate", "Binary: shop"),
        );
    }
    let printed = sample.doctor(&["--local"]).await;
    assert_eq!(printed.code, 0, "{}", printed.text);
    printed.assert_ok("timeout", "are both 300 s");
    printed.assert_ok("alias", "those of the alias");
    printed.assert_ok("variables", "are known");
    printed.assert_ok("program", "cargo can build shop and shop");
}
