//! The dependencies of each crate and feature, as cargo resolves them from the lockfile, and settings of the package.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Feature sets that users build.
const FEATURES: &[&[&str]] = &[
    &[],
    &["--no-default-features"],
    &["--no-default-features", "--features", "jwt"],
    &["--no-default-features", "--features", "lambda"],
    &["--features", "otel"],
];

/// The function's direct dependencies besides the library, by their names in the workspace.
const FUNCTION: &[&str] =
    &["aws-config", "aws-sdk-secretsmanager", "lambda_http", "lambda_runtime", "serde_json", "tokio"];

#[test]
fn core_has_no_aws_http_server_or_validator() {
    let core = names(&tree(&["--no-default-features", "--edges", "normal,build"]).unwrap());
    let is_left_out = |name: &&String| {
        name.starts_with("aws") || name.starts_with("lambda") || LEFT_OUT.contains(&name.as_str())
    };

    assert_eq!(core.iter().find(is_left_out), None);
    assert!(core.contains("ag-ui-lambda") && core.contains("serde_json"), "{core:?}");
    let all = names(&tree(&["--edges", "normal"]).unwrap());
    for name in ["aws-config", "lambda_runtime", "hyper", "jsonschema"] {
        let name = all.get(name).expect("the default features bring it");
        assert!(is_left_out(&name), "{name} is seen by this test");
    }
}

/// The crates, besides AWS's, that the library without features must not depend on.
const LEFT_OUT: &[&str] = &["hyper", "axum", "reqwest", "rustls", "jsonschema", "jsonwebtoken"];

#[test]
fn each_feature_adds_only_its_own_dependencies() {
    let with = |features: &str| {
        names(&tree(&["--no-default-features", "--features", features, "--edges", "normal"]).unwrap())
    };
    for (features, crate_name, is_there) in [
        ("lambda", "lambda_runtime", true),
        ("lambda", "aws-sdk-dynamodb", false),
        ("lambda", "aws-sdk-bedrockruntime", false),
        ("lambda", "jsonschema", false),
        ("dynamodb", "aws-sdk-dynamodb", true),
        ("validate", "jsonschema", true),
        ("validate", "lambda_runtime", false),
        ("http-models", "reqwest", true),
        ("http-models", "aws-config", false),
        ("bedrock", "aws-sdk-bedrockruntime", true),
        ("bedrock", "lambda_runtime", false),
        ("lambda,bedrock,http-models,jwt,otel", "jsonschema", false),
        ("lambda,bedrock,http-models,jwt,otel", "aws-sdk-dynamodb", false),
    ] {
        assert_eq!(with(features).contains(crate_name), is_there, "{crate_name} with {features}");
    }
}

#[test]
fn workspace_declares_the_versions_of_its_function() {
    let manifest = file("Cargo.toml");
    let named: BTreeSet<&str> = section(&manifest, "[workspace.dependencies]")
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let function = names(&tree_of(&["--package", "ag-ui-function", "--edges", "normal"]).unwrap());

    for name in FUNCTION {
        assert!(named.contains(name), "{name} is named");
        assert!(function.contains(*name), "{name} is used");
    }
}

#[test]
fn wire_crate_is_small_without_runtime_or_http() {
    let wire = names(&tree_of(&["--package", "ag-ui-wire", "--edges", "normal"]).unwrap());

    assert!(wire.len() <= 25, "{} crates: {wire:?}", wire.len());
    for absent in ["tokio", "http", "hyper", "jsonschema", "ag-ui-lambda"] {
        assert!(!wire.contains(absent), "{absent}");
    }
    assert!(wire.contains("ag-ui-wire") && wire.contains("serde_json"), "{wire:?}");
}

#[test]
fn one_crypto_and_one_http_stack_for_all_features() {
    for features in FEATURES {
        for absent in ["ring", "hyper@0.14", "openssl", "native-tls"] {
            assert_eq!(users_of(absent, features), "", "{absent} with {features:?}");
        }
        assert_ne!(users_of("serde_json", features), "", "a crate that is there is found");
    }
}

#[test]
fn tests_use_the_packaged_json_and_http_features() {
    let features = |arguments: &[&str], name: &str| {
        let arguments = [&["--package", "ag-ui-function", "--format", "{p} {f}"], arguments].concat();
        let tree = tree_of(&arguments).unwrap();
        let line = tree.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.trim_end_matches(" (*)").to_owned()
    };
    for name in ["serde_json", "reqwest"] {
        let packaged = features(&["--edges", "normal"], name);
        let tested = features(&["--edges", "normal,build,dev"], name);
        assert_eq!(tested, packaged);
    }
}

#[test]
fn packaged_function_unwinds_on_panic() {
    let manifest = file("Cargo.toml");
    let release = section(&manifest, "[profile.release]");
    let panics: Vec<&str> = manifest.lines().filter(|line| line.starts_with("panic")).collect();

    assert!(release.contains(&r#"panic = "unwind""#), "{release:?}");
    assert_eq!(panics, [r#"panic = "unwind""#], "no other profile says otherwise");
}

#[test]
fn template_sets_no_local_mode_setting() {
    let template = file("template.yaml");
    let set: BTreeSet<&str> = template
        .split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .filter(|word| word.starts_with("AGUI_"))
        .collect();

    for local in ["AGUI_LOCAL", "AGUI_TOKEN", "AGUI_APPROVAL_KEY"] {
        assert!(!set.contains(local), "{local}");
    }
    assert!(set.contains("AGUI_TOKEN_SECRET_ID"), "this test sees what it sets: {set:?}");
}

/// Returns the crates that depend on a crate; empty if it is not used.
fn users_of(name: &str, features: &[&str]) -> String {
    match tree(&[features, &["--invert", name]].concat()) {
        Ok(users) => users,
        // Cargo reports an error if the lockfile does not have the crate for these features.
        Err(error) if error.contains("did not match any packages") => String::new(),
        Err(error) => panic!("cargo tree: {error}"),
    }
}

/// Returns the dependencies of the library.
fn tree(arguments: &[&str]) -> Result<String, String> {
    tree_of(&[&["--package", "ag-ui-lambda"], arguments].concat())
}

/// Runs `cargo tree` on the current lockfile, without a network. An error is cargo's output.
fn tree_of(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--locked", "--prefix", "none"])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Returns the names of the crates in a tree.
fn names(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect()
}

/// Returns the lines of a section of a manifest.
fn section<'a>(manifest: &'a str, head: &str) -> Vec<&'a str> {
    manifest
        .lines()
        .skip_while(|line| *line != head)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .collect()
}

/// Reads a file of the repository.
fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}
