//! Dependencies point down only. The table is the picture in DESIGN.md; without it the picture rots.

use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the modules of this crate that it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("causes", &[]),
    ("json", &[]),
    ("protocol", &[]),
    ("suggest", &[]),
    ("cached", &["causes"]),
    ("secret", &["causes"]),
    ("transcript", &["protocol", "json"]),
    ("model", &["protocol", "causes", "json"]),
    ("keys", &["cached", "secret", "model", "causes"]),
    ("tool", &["protocol", "causes", "json"]),
    ("approval", &["protocol", "cached", "secret"]),
    ("agent", &["protocol", "transcript", "model", "tool", "approval", "causes", "json"]),
    ("endpoint", &["protocol", "agent", "approval", "cached", "secret", "causes", "json", "suggest"]),
    (
        "aws",
        &["config", "agent", "approval", "endpoint", "keys", "model", "secret", "protocol", "causes", "json"],
    ),
    ("config", &["agent", "approval", "endpoint", "model", "suggest"]),
];

#[test]
fn a_module_names_only_what_lies_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/ag-ui-lambda/src");
    let mut seen = 0;
    for (module, allowed) in ALLOWED {
        for file in files(&src, module) {
            seen += 1;
            for named in names(&fs::read_to_string(&file).unwrap()) {
                assert!(
                    named == *module || allowed.contains(&named.as_str()),
                    "{} names crate::{named}, which is not below {module}",
                    file.display()
                );
            }
        }
    }
    assert!(seen > 20, "the modules are where this test looks");
}

#[test]
fn every_module_is_in_the_table() {
    let lib =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/ag-ui-lambda/src/lib.rs"))
            .unwrap();
    let modules = lib.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    for module in modules {
        assert!(ALLOWED.iter().any(|(name, _)| *name == module), "{module} is not in the table");
    }
}

#[test]
fn no_tool_of_the_template_is_named_by_the_loop_or_the_endpoint() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/ag-ui-lambda/src");
    for module in ["agent", "endpoint"] {
        for file in files(&src, module) {
            let text = fs::read_to_string(&file).unwrap();
            for tool in ["get_weather", "get_account", "refund_order"] {
                assert!(!text.contains(tool), "{} names {tool}", file.display());
            }
        }
    }
}

/// The files of a module: `module.rs` and all below `module/`.
fn files(src: &Path, module: &str) -> Vec<PathBuf> {
    let mut files = vec![src.join(format!("{module}.rs"))];
    let mut folders = vec![src.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.retain(|file| file.is_file());
    files
}

/// The modules behind `crate::` in a text; of a list in braces, each.
fn names(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join(" ");
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let listed =
            rest.strip_prefix('{').map(|list| list.split('}').next().unwrap_or(list).split(',').collect());
        for item in listed.unwrap_or_else(|| vec![rest]) {
            let name = item.trim_start().split(|c: char| !(c.is_alphanumeric() || c == '_')).next();
            names.extend(name.filter(|name| !name.is_empty()).map(ToOwned::to_owned));
        }
    }
    names
}

#[test]
fn every_name_behind_crate_is_found() {
    let text = "use crate::agent::Agent;\nuse crate::{model, tool::Tool};\n// crate::ghost\nlet a = crate::causes::f(crate::config::g());";

    assert_eq!(names(text), ["agent", "model", "tool", "causes", "config"][..].to_vec());
}
