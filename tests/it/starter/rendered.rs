//! A project that was made from the starter: its names, its packages, its format and its templates.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Folder, REPOSITORY, files_of, text};
use crate::support::{python, venv};

/// Names of this repository that no project has.
const NAMES: [&str; 6] =
    ["ag-ui-function", "ag_ui_function", "ag-ui-agent", "ag-ui-rotate", "ag-ui-who", "project_name"];

#[test]
fn has_its_own_names_everywhere() {
    let folder = Folder::new("names");
    let project = folder.project();

    for file in files_of(&project).iter().filter(|file| *file != "Cargo.lock") {
        let text = text(&project, file);
        for name in NAMES {
            assert!(!text.contains(name), "{file} has {name}");
        }
        let rest = text.replace("${{", "");
        assert!(!rest.contains("{{ ") && !rest.contains("{%"), "{file} has a placeholder");
        assert_eq!(text.contains(REPOSITORY), file == "Cargo.toml", "{file} says where the library is");
    }
    for (file, name) in [
        ("Cargo.toml", "name = \"my-agent\""),
        ("README.md", "# my-agent\n"),
        ("AGENTS.md", "`my-agent` is an AG-UI agent"),
        ("samconfig.toml", "stack_name = \"my-agent-prod\""),
        ("template.yaml", "{Binary: my-agent}"),
        ("tests/function.rs", "CARGO_BIN_EXE_my-agent"),
    ] {
        assert!(text(&project, file).contains(name), "{file} does not have {name}");
    }
    for file in ["CargoLambda.toml", "cargo-generate.toml", "cargo-generate.rhai"] {
        assert!(!project.join(file).exists(), "{file} is for the tools");
    }
}

#[test]
fn library_is_in_a_folder_or_in_a_repository() {
    let folder = Folder::new("library");
    let starter = Path::new(REPOSITORY).join("starter");
    for (project, place, library) in [
        ("in-a-folder", "../library", "path = \"../library/crates/ag-ui-lambda\""),
        ("in-git", "https://git.invalid/a/library", "git = \"https://git.invalid/a/library\""),
        ("over-ssh", "ssh://git@git.invalid/a/library.git", "git = \"ssh://git@git.invalid/a/library.git\""),
    ] {
        let made =
            folder.cargo_lambda_new(project, &starter, &["--render-var", &format!("ag_ui_lambda={place}")]);

        let manifest = text(&made, "Cargo.toml");
        let development = library.replace("crates/ag-ui-lambda", "crates/ag-ui-dev");
        assert!(manifest.contains(&format!("\nag-ui-lambda = {{ {library} }}\n")), "{manifest}");
        let line = format!("\nag-ui-dev = {{ {development}, default-features = false }}\n");
        assert!(manifest.contains(&line), "{manifest}");
    }
    let default = folder.cargo_lambda_new("default", &starter, &[]);
    assert!(text(&default, "Cargo.toml").contains("path = \"../ag-ui-lambda/crates/ag-ui-lambda\""));
}

/// cargo-lambda finds the starter in the root of the repository, too, by the link `template`.
#[test]
fn archive_and_checkout_make_the_same_project() {
    let folder = Folder::new("archive");
    let project = folder.project();
    let pack = "import shutil, sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[2])";
    let archive = folder.path("starter.zip");
    let packed = python()
        .args(["-c", pack, archive.with_extension("").to_str().unwrap(), &format!("{REPOSITORY}/starter")])
        .status()
        .unwrap();
    assert!(packed.success());

    let by_make = folder.path("by-make");
    fs::rename(&project, &by_make).unwrap();
    fs::remove_file(by_make.join("Cargo.lock")).unwrap();

    for template in [archive.as_path(), Path::new(REPOSITORY)] {
        let variable = format!("ag_ui_lambda={REPOSITORY}");
        let made = folder.cargo_lambda_new("my-agent", template, &["--render-var", &variable]);

        assert_eq!(files_of(&made), files_of(&by_make), "{}", template.display());
        for file in files_of(&made) {
            assert_eq!(text(&made, &file), text(&by_make, &file), "{}: {file}", template.display());
        }
        fs::remove_dir_all(made).unwrap();
    }
}

/// With the lockfile that `make new` copies, every package has the version that is tested here.
#[test]
fn packages_have_the_versions_of_this_repository() {
    let folder = Folder::new("packages");
    let project = folder.project();
    let versions = |lockfile: &str| -> BTreeSet<(String, String)> {
        let packages = lockfile.split("[[package]]").skip(1);
        let member = |package: &str, name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
            line.unwrap().trim_matches('"').to_owned()
        };
        packages.map(|package| (member(package, "name"), member(package, "version"))).collect()
    };
    let known = versions(&fs::read_to_string(format!("{REPOSITORY}/Cargo.lock")).unwrap());

    let output = Command::new(env!("CARGO"))
        .current_dir(&project)
        .args([
            "metadata",
            "--offline",
            "--format-version",
            "1",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .output()
        .unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(metadata["workspace_root"], project.to_str().unwrap());
    let mut used = versions(&text(&project, "Cargo.lock"));
    assert!(used.remove(&("my-agent".into(), "0.1.0".into())));
    assert_eq!(used.difference(&known).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    let packages = metadata["packages"].as_array().unwrap();
    let own = packages.iter().find(|package| package["name"] == "my-agent").unwrap();
    let programs: Vec<&Value> =
        own["targets"].as_array().unwrap().iter().map(|target| &target["name"]).collect();
    assert_eq!(programs, ["my-agent", "rotate", "function"]);
}

#[test]
fn code_has_the_format_of_cargo_fmt() {
    let folder = Folder::new("format");
    let project = folder.project();
    let sources = files_of(&project).into_iter().filter(|file| file.ends_with(".rs"));

    let output = Command::new("rustfmt")
        .current_dir(&project)
        .args(["--edition", "2024", "--check"])
        .args(sources)
        .output();

    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn templates_are_valid() {
    let folder = Folder::new("templates");
    let project = folder.project();

    let output = Command::new(venv().join("bin/cfn-lint"))
        .current_dir(&project)
        .args(["template.yaml", "deploy/rotation.yaml"])
        .output()
        .unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn make_lists_its_commands_and_says_how_to_install_what_is_missing() {
    let folder = Folder::new("make");
    let project = folder.project();
    let make = |arguments: &[&str]| {
        let output = Command::new("make")
            .current_dir(&project)
            .args(arguments)
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap())
    };

    let [listed, _] = make(&[]);
    let commands: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    let own = ["help", "run", "test", "check", "invoke", "package", "doctor"];
    assert_eq!(commands, [&own[..], &["deploy", "plan", "rollback", "destroy", "token"]].concat());

    let [commands, _] = make(&["--dry-run", "doctor", "AG_UI_DEV=not-installed"]);
    let install = format!("--debug --root target/tools --path \"{REPOSITORY}/crates/ag-ui-dev\";");
    assert!(commands.contains(&install), "{commands}");
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let line = manifest.lines().find(|line| line.starts_with("ag-ui-dev = ")).unwrap();
    for (of_git, install) in [
        (r#"{ git = "https://git.example/a" }"#, r#"--git "https://git.example/a" ag-ui-dev;"#),
        (
            r#"{ tag = "v1", default-features = false, git = "https://git.example/a" }"#,
            r#"--git "https://git.example/a" ag-ui-dev --tag "v1";"#,
        ),
        (
            r#"{ git = "https://git.example/a", rev = "1f" }"#,
            r#"--git "https://git.example/a" ag-ui-dev --rev "1f";"#,
        ),
    ] {
        let other = manifest.replace(line, &format!("ag-ui-dev = {of_git}"));
        fs::write(project.join("Cargo.toml"), other).unwrap();
        let [commands, _] = make(&["--dry-run", "doctor", "AG_UI_DEV=not-installed"]);
        assert!(commands.contains(install), "{commands}");
    }
    let [_, refused] = make(&["doctor"]);
    assert!(refused.starts_with("cargo is missing: install Rust from https://rustup.rs"), "{refused}");
    let [_, refused] = make(&["invoke"]);
    assert!(
        refused.starts_with("no function is served here: start `make run` in another terminal"),
        "{refused}"
    );
}
