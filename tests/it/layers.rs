//! Dependencies point down only. The table is the picture in DESIGN.md; without it the picture rots.

use std::fs;
use std::path::{Path, PathBuf};

/// Module of `ag-ui-wire`, and the modules that it may name.
const WIRE: &[(&str, &[&str])] =
    &[("json", &[]), ("protocol", &["json"]), ("transcript", &["protocol", "json"])];

/// Module of `ag-ui-lambda`, and the modules that it may name. Those of `ag-ui-wire` stand at its root, too.
const LIBRARY: &[(&str, &[&str])] = &[
    ("causes", &[]),
    ("cached", &["causes"]),
    ("secret", &["causes"]),
    ("model", &["protocol", "causes", "json"]),
    ("keys", &["cached", "secret", "model", "causes"]),
    ("tool", &["protocol", "causes", "json"]),
    ("approval", &["protocol", "cached", "secret"]),
    ("agent", &["protocol", "transcript", "model", "tool", "approval", "causes", "json"]),
    ("endpoint", &["protocol", "agent", "approval", "cached", "secret", "causes", "json"]),
    (
        "aws",
        &["config", "agent", "approval", "endpoint", "keys", "model", "secret", "protocol", "causes", "json"],
    ),
    ("config", &["agent", "approval", "endpoint", "model"]),
];

#[test]
fn a_module_names_only_what_lies_below_it() {
    for (src, table, at_least) in [(sources("ag-ui-wire"), WIRE, 20), (sources("ag-ui-lambda"), LIBRARY, 20)]
    {
        let mut seen = 0;
        for (module, allowed) in table {
            for file in files(&src, module) {
                seen += 1;
                let text = fs::read_to_string(&file).unwrap();
                for named in names(&text) {
                    assert!(
                        named == *module || allowed.contains(&named.as_str()),
                        "{} names crate::{named}, which is not below {module}",
                        file.display()
                    );
                }
                let is_code = |line: &&str| !line.trim_start().starts_with("//");
                assert!(
                    !text.lines().filter(is_code).any(|line| line.contains("ag_ui_wire")),
                    "{} names a module of ag-ui-wire past the table",
                    file.display()
                );
            }
        }
        assert!(seen > at_least, "the modules are where this test looks");
    }
}

#[test]
fn every_module_is_in_the_table() {
    for (src, table) in [(sources("ag-ui-wire"), WIRE), (sources("ag-ui-lambda"), LIBRARY)] {
        let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
        let modules = lib.lines().filter_map(|line| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';')
        });
        for module in modules {
            assert!(table.iter().any(|(name, _)| *name == module), "{module} is not in the table");
        }
    }
}

#[test]
fn no_tool_of_the_template_is_named_by_the_loop_or_the_endpoint() {
    let src = sources("ag-ui-lambda");
    for module in ["agent", "endpoint"] {
        for file in files(&src, module) {
            let text = fs::read_to_string(&file).unwrap();
            for tool in ["get_weather", "get_account", "refund_order"] {
                assert!(!text.contains(tool), "{} names {tool}", file.display());
            }
        }
    }
}

/// The sources of a crate of this workspace.
fn sources(package: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates").join(package).join("src")
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
