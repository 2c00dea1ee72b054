//! The checks of the project: Cargo.toml, the profile that it is deployed with, and the programs that templates name.

use std::path::Path;

use super::machine::Machine;
use super::manifest::Manifest;
use super::project::Project;
use super::report::Finding;
use super::template::{Resource, Template};

/// What to write into Cargo.toml.
const UNWIND: &str = "  [profile.release]\n  panic = \"unwind\"";

/// Makes the checks of the group "Project".
pub(super) fn check(machine: &Machine, project: &Project) -> Vec<Finding> {
    const CHECKS: [&str; 3] = ["manifest", "panic", "program"];
    match &project.manifest {
        None => Finding::all_skipped(&CHECKS, "there is no Cargo.toml in this folder"),
        Some(Err(problem)) => {
            let fix = "correct Cargo.toml until this command prints no error:\n  cargo metadata --no-deps --format-version 1 >/dev/null";
            let failed = Finding::failed("manifest", format!("cargo cannot read Cargo.toml: {problem}"), fix);
            let rest = Finding::all_skipped(&CHECKS[1..], "cargo cannot read Cargo.toml");
            [failed].into_iter().chain(rest).collect()
        }
        Some(Ok(manifest)) => {
            vec![
                Finding::ok("manifest", manifest.describe(machine.folder())),
                panic(machine, manifest),
                program(machine, project, manifest),
            ]
        }
    }
}

/// Checks that a panic ends one call and not the process. cargo-lambda builds with `abort` unless Cargo.toml sets something;
/// what cargo's own configuration sets comes first.
fn panic(machine: &Machine, manifest: &Manifest) -> Finding {
    const VARIABLE: &str = "CARGO_PROFILE_RELEASE_PANIC";
    let why = "a panic of one tool would end every run of its process";
    let failed = |problem: String, fix: &str| Finding::failed("panic", format!("{problem}, so {why}"), fix);
    if machine.variable(VARIABLE) == Some("abort") {
        return failed(format!("{VARIABLE} is abort"), &format!("  unset {VARIABLE}"));
    }
    for folder in [machine.folder(), &manifest.workspace] {
        for name in ["config.toml", "config"] {
            let file = folder.join(".cargo").join(name);
            if release_panic(&file).as_deref() == Some("abort") {
                let fix = format!("remove `panic` from [profile.release] in {}", shown(machine, &file));
                return failed(format!("{} sets panic = \"abort\"", shown(machine, &file)), &fix);
            }
        }
    }
    let file = manifest.workspace.join("Cargo.toml");
    match release_panic(&file).as_deref() {
        Some("unwind") => Finding::ok("panic", "Cargo.toml sets panic = \"unwind\" for release builds"),
        Some(other) => failed(
            format!("Cargo.toml sets panic = \"{other}\" for release builds"),
            &format!("change it in {}:\n{UNWIND}", shown(machine, &file)),
        ),
        None => failed(
            "Cargo.toml does not set panic for release builds, and cargo-lambda then builds with \"abort\""
                .to_owned(),
            &format!("add these lines to {}:\n{UNWIND}", shown(machine, &file)),
        ),
    }
}

/// Returns a path as it is shown: from the folder of the project, if the file is in it.
fn shown(machine: &Machine, file: &Path) -> String {
    let inside = machine
        .folder()
        .canonicalize()
        .ok()
        .and_then(|folder| Some(file.canonicalize().ok()?.strip_prefix(folder).ok()?.to_owned()));
    inside.unwrap_or_else(|| file.to_owned()).display().to_string()
}

/// Returns what a TOML file sets as `panic` of the profile `release`; `None` if it sets nothing.
fn release_panic(file: &Path) -> Option<String> {
    let table: toml::Table = std::fs::read_to_string(file).ok()?.parse().ok()?;
    Some(table.get("profile")?.get("release")?.get("panic")?.as_str()?.to_owned())
}

/// Checks that cargo can build the program of each function that SAM builds with cargo-lambda.
fn program(machine: &Machine, project: &Project, manifest: &Manifest) -> Finding {
    let mut found = Vec::new();
    for template in project.templates() {
        for function in built_functions(template) {
            let folder = template.property(&function, "CodeUri").and_then(|uri| template.text(uri));
            // It begins at the folder of the template.
            let base = machine.folder().join(template.name());
            let folder = base.parent().unwrap_or(machine.folder()).join(folder.unwrap_or_default());
            let place = format!("{} of {}", function.name, template.name());
            let Some(programs) = manifest.programs(&folder) else {
                let problem =
                    format!("CodeUri of {place} is {}, where cargo has no package", folder.display());
                return Finding::failed(
                    "program",
                    problem,
                    "set CodeUri to the folder of the package, as seen from the template",
                );
            };
            let names = programs.join(", ");
            match function.value["Metadata"]["BuildProperties"]["Binary"].as_str() {
                Some(binary) if programs.contains(&binary) => found.push(binary.to_owned()),
                Some(binary) => {
                    let problem =
                        format!("Binary of {place} is {binary}, and the package has no such program");
                    return Finding::failed("program", problem, format!("set Binary to one of: {names}"));
                }
                None if programs.len() == 1 => found.push(programs[0].to_owned()),
                None => {
                    let problem = format!("{place} names no Binary, and the package has several programs");
                    return Finding::failed(
                        "program",
                        problem,
                        format!("add BuildProperties: {{Binary: ...}} with one of: {names}"),
                    );
                }
            }
        }
    }
    match found.is_empty() {
        true => Finding::skipped("program", "no template here builds a function with cargo-lambda"),
        false => Finding::ok("program", format!("cargo can build {}", found.join(" and "))),
    }
}

/// Returns the functions that SAM builds with cargo-lambda.
fn built_functions(template: &Template) -> Vec<Resource<'_>> {
    let functions = template.resources("AWS::Serverless::Function").into_iter();
    functions.filter(|function| function.value["Metadata"]["BuildMethod"] == "rust-cargolambda").collect()
}
