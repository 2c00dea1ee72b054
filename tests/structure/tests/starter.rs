//! The starter, the template in starter/ of a user's own project: what it has in common with this repository is the same, and
//! each of the two tools that make a project of it puts the same names into the same files.
//!
//! `UPDATE=1 cargo test --package structure --test starter` writes the copies. They are no links, because cargo-generate and
//! archives of a repository have no links.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]
#![expect(clippy::disallowed_methods, reason = "the ban on reading the environment is for the function")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use structure::{root, text};

const STARTER: &str = "starter";

/// A text of this repository, and what a copy has in its place.
type Replacement = (&'static str, &'static str);

/// Files that the starter has, too: the file here, its path in the starter, and what differs. All files of a folder are meant,
/// except for those in folders below it.
const COPIES: &[(&str, &str, &[Replacement])] = &[
    (".cargo", ".cargo", &[]),
    ("deploy/alarms.yaml", "deploy/alarms.yaml", &[]),
    ("deploy/cloudfront.yaml", "deploy/cloudfront.yaml", &[]),
    ("deploy/requirements.txt", "deploy/requirements.txt", &[]),
    ("deploy/rest-api.yaml", "deploy/rest-api.yaml", &[]),
    ("deploy/rotation.yaml", "deploy/rotation.yaml", &[("Binary: ag-ui-rotate", "Binary: rotate")]),
    (
        "deploy/github/deploy.yml",
        ".github/workflows/deploy.yml",
        &[("Copy this file to .github/workflows/deploy.yml; ", "")],
    ),
    (
        "deploy/github/role.yaml",
        "deploy/github/role.yaml",
        &[("deploy/github/deploy.yml", ".github/workflows/deploy.yml")],
    ),
    (
        "events/rest-cognito.json",
        "events/find-order.json",
        &[("Who am I?", "Please find order A-17."), ("refunds:write orders:read", "orders:write")],
    ),
    ("events/function-url-run.json", "events/hello.json", &[]),
    ("events/function-url-wrong-token.json", "events/wrong-token.json", &[]),
    ("samconfig.toml", "samconfig.toml", &[("\"ag-ui-agent", STACK_NAME)]),
    ("scripts/deploy", "scripts/deploy", &[]),
    ("scripts/invoke.sh", "scripts/invoke.sh", &[]),
    ("src/bin/ag-ui-rotate.rs", "src/bin/rotate.rs", &[]),
    ("template.yaml", "template.yaml", &[("Binary: ag-ui-lambda", "Binary: {{ project_name }}")]),
];

/// The project's name. A stack's name may have no underscore.
const STACK_NAME: &str = r#""{{ project_name | replace: "_", "-" }}"#;

/// Returns the files of a folder of the repository with their paths from there, except for what Python writes.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).into_iter().flatten().flatten() {
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            found.extend((!path.ends_with("__pycache__")).then(|| files_of(&path)).into_iter().flatten());
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns the row of [`COPIES`] for a single file, or for each file of its folder.
fn single_files(file: &str, copy: &str) -> Vec<(PathBuf, PathBuf)> {
    let copy = Path::new(STARTER).join(copy);
    if root().join(file).is_file() {
        return vec![(file.into(), copy)];
    }
    let files = files_of(Path::new(file)).into_iter().filter(|path| path.parent() == Some(Path::new(file)));
    files.map(|path| (path.clone(), copy.join(path.file_name().unwrap()))).collect()
}

/// Returns what the copy of a text is to be.
///
/// # Panics
/// Panics if a text that differs in the copy does not occur.
fn copied(source: &str, replacements: &[Replacement]) -> String {
    let replaced = replacements.iter().fold(source.to_owned(), |text, (here, there)| {
        assert!(text.contains(here), "{here:?} does not occur any more");
        text.replace(here, there)
    });
    with_named_documents(&replaced)
}

/// Names the project of each document, because a project made from the starter has no folder docs: `docs/deploy.md says`
/// becomes `docs/deploy.md of ag-ui-lambda says`.
fn with_named_documents(text: &str) -> String {
    let mut parts = text.split("docs/");
    let mut named = parts.next().unwrap().to_owned();
    for part in parts {
        let is_part_of_an_address = named.ends_with('/');
        named.push_str("docs/");
        let is_of_a_name = |character: char| character.is_ascii_lowercase() || character == '-';
        let behind_name = part.trim_start_matches(is_of_a_name);
        let is_named = behind_name.starts_with(".md of ag-ui-lambda") || behind_name.starts_with(".md#");
        match behind_name.strip_prefix(".md") {
            Some(rest) if !is_part_of_an_address && !is_named => {
                named.push_str(part.strip_suffix(rest).unwrap());
                named.push_str(" of ag-ui-lambda");
                named.push_str(rest);
            }
            _ => named.push_str(part),
        }
    }
    named
}

#[test]
fn copies_are_what_they_are_copied_from() {
    let updates = std::env::var("UPDATE").is_ok_and(|value| value == "1");
    let mut expected = BTreeSet::new();
    let mut different = Vec::new();
    for (file, copy, replacements) in COPIES {
        for (file, copy) in single_files(file, copy) {
            let wanted = copied(&text(&file).unwrap(), replacements);
            if text(&copy).as_ref() != Some(&wanted) {
                if updates {
                    fs::create_dir_all(root().join(&copy).parent().unwrap()).unwrap();
                    fs::write(root().join(&copy), &wanted).unwrap();
                    let permissions = fs::metadata(root().join(&file)).unwrap().permissions();
                    fs::set_permissions(root().join(&copy), permissions).unwrap();
                } else {
                    different.push(format!("{} is not {} any more", copy.display(), file.display()));
                }
            }
            expected.insert(copy);
        }
    }
    let superfluous =
        files_of(&Path::new(STARTER).join("scripts")).into_iter().filter(|file| !expected.contains(file));
    different.extend(superfluous.map(|file| format!("{} is a copy of nothing", file.display())));
    assert!(
        different.is_empty(),
        "{}\n`UPDATE=1 cargo test --package structure --test starter` writes the copies",
        different.join("\n")
    );
}

#[test]
fn copies_differ_in_names_only() {
    assert_eq!(copied("a: ag-ui-rotate\n", &[("ag-ui-rotate", "rotate")]), "a: rotate\n");
    for (source, copy) in [
        ("docs/deploy.md says", "docs/deploy.md of ag-ui-lambda says"),
        (
            "see docs/rest-api.md.\ndocs/a.md",
            "see docs/rest-api.md of ag-ui-lambda.\ndocs/a.md of ag-ui-lambda",
        ),
        ("docs/deploy.md of ag-ui-lambda says", "docs/deploy.md of ag-ui-lambda says"),
        ("docs/log-lines.schema.json", "docs/log-lines.schema.json"),
        ("https://example.com/docs/deploy.md", "https://example.com/docs/deploy.md"),
    ] {
        assert_eq!(with_named_documents(source), copy);
    }
}

/// Returns the texts of a list in a TOML file, such as `ignore = ["a", "b"]`.
fn list(toml: &str, name: &str) -> Vec<String> {
    let (_, list) = toml.split_once(&format!("\n{name} = [")).unwrap();
    let (list, _) = list.split_once(']').unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn both_tools_put_names_into_the_same_files() {
    let file = |name: &str| text(&Path::new(STARTER).join(name)).unwrap();
    let [lambda, generate] = ["CargoLambda.toml", "cargo-generate.toml"].map(file);
    let rendered = list(&lambda, "render_files");
    assert_eq!(rendered, list(&generate, "include"));

    for path in files_of(Path::new(STARTER)) {
        let name = path.strip_prefix(STARTER).unwrap().to_str().unwrap().to_owned();
        let source = text(&path).unwrap();
        let is_template = source.replace("${{", "").contains("{{ ") || source.contains("{%");
        assert_eq!(is_template, rendered.contains(&name), "{name} is rendered, and has something to render");
        // cargo-lambda always renders these.
        if name == "src/main.rs" || name.starts_with("src/bin/") {
            assert!(!source.contains("{{") && !source.contains("{%"), "{name}");
        }
    }
}

#[test]
fn place_of_the_library_is_one_variable() {
    let mut uses = Vec::new();
    for path in files_of(Path::new(STARTER)) {
        let source = text(&path).unwrap();
        uses.extend(source.matches("{{ ag_ui_lambda }}").map(|_| path.clone()));
    }
    assert_eq!(uses, [Path::new("starter/Cargo.toml")]);
    for (file, documented) in [
        ("CargoLambda.toml", "[template.prompts.ag_ui_lambda]"),
        ("cargo-generate.toml", "[placeholders.ag_ui_lambda]"),
        ("Cargo.toml", "# ag-ui-lambda and ag-ui-dev are not on crates.io yet"),
    ] {
        assert!(text(&Path::new(STARTER).join(file)).unwrap().contains(documented), "{file}: {documented}");
    }
    let guide = text(Path::new("docs/getting-started.md")).unwrap();
    assert!(guide.contains("`ag_ui_lambda`"), "the guide says what the variable is");
}

/// Returns the lines of a table of a manifest.
fn table<'a>(manifest: &'a str, head: &str) -> Vec<&'a str> {
    let lines = manifest.lines().skip_while(|line| *line != head).skip(1);
    lines.take_while(|line| !line.starts_with('[') && !line.is_empty()).collect()
}

#[test]
fn package_is_built_as_the_function_of_this_repository() {
    let [own, starter] = ["Cargo.toml", "starter/Cargo.toml"].map(|file| text(Path::new(file)).unwrap());
    let release = table(&starter, "[profile.release]");
    assert!(release.contains(&"panic = \"unwind\""), "{release:?}");
    assert_eq!(release, table(&own, "[profile.release]"));
    let version =
        |manifest: &str| manifest.lines().find(|line| line.starts_with("rust-version = ")).map(str::to_owned);
    assert_eq!(version(&starter), version(&own));
}
