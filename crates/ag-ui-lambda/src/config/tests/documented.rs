//! The page docs/configuration.md, compared with the variables that are read and with their defaults.

use std::collections::BTreeSet;

use super::super::known_variables::KNOWN;
use super::*;
use crate::model::Provider;

const PAGE: &str = include_str!("../../../../../docs/configuration.md");

/// The texts of the page for a variable that has no default value.
const NO_VALUE: [&str; 8] = [
    "not set",
    "no limit",
    "the provider's",
    "the provider's own",
    "off, or the provider's",
    "on for models that are known to accept them",
    "9000, or any free port if that one is in use",
    "generated once: [local.md](local.md#settings)",
];

/// The variables that every documented default is tried with. They make the variable in question usable.
const BASE: [(&str, &str); 5] = [
    ("AGUI_TOKEN_SECRET_ID", "token"),
    ("AGUI_MODEL", "scripted/demo"),
    ("AGUI_APPROVAL_SECRET_ID", "key"),
    ("AGUI_JWT_ISSUER", "https://issuer.example"),
    ("AGUI_JWT_AUDIENCE", "app"),
];

/// Returns the rows of the tables with a column `default`: the variables of each row, and the text in that column.
fn rows() -> Vec<(Vec<&'static str>, &'static str)> {
    let mut has_defaults = false;
    let mut rows = Vec::new();
    for line in PAGE.lines() {
        if line.starts_with("| variable |") {
            has_defaults = line.ends_with("| default |");
        } else if has_defaults && line.starts_with("| `") {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            rows.push((names_in_backticks(cells[0]), *cells.last().unwrap()));
        }
    }
    rows
}

/// Returns the names of variables that stand between backticks in a text.
fn names_in_backticks(text: &'static str) -> Vec<&'static str> {
    text.split('`').skip(1).step_by(2).filter(|name| is_name(name)).collect()
}

/// Whether a text can be the name of a variable that this page is about.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    text.contains('_') && !text.starts_with('_') && text.bytes().all(is_part)
}

/// Returns all variables that this crate reads by name, those of the providers included.
fn variables_read() -> BTreeSet<&'static str> {
    let of_provider = |provider: &'static Provider| {
        [provider.key_variable(), Some(provider.base_url_variable())].into_iter().flatten()
    };
    KNOWN.iter().copied().chain(Provider::all().iter().flat_map(of_provider)).collect()
}

#[test]
fn page_has_one_row_for_each_variable() {
    let mut documented: Vec<&str> = rows().into_iter().flat_map(|(variables, _)| variables).collect();
    documented.sort_unstable();
    assert_eq!(documented, variables_read().into_iter().collect::<Vec<_>>());
}

#[test]
fn page_names_no_other_variable_and_those_of_the_log() {
    let is_own = |name: &&str| name.starts_with("AGUI_");
    let words = PAGE.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let unknown: BTreeSet<&str> = words.filter(is_own).filter(|name| !KNOWN.contains(name)).collect();
    assert_eq!(unknown.into_iter().collect::<Vec<_>>(), ["AGUI_"], "the prefix alone is in a sentence");

    let sources = [include_str!("../logging.rs"), include_str!("../lambda.rs"), include_str!("../local.rs")];
    let quoted = sources.iter().flat_map(|source| source.split('"')).filter(|text| is_name(text));
    // The page names one variable of OpenTelemetry and refers to its documentation for the others. Cargo's variables are read
    // when the program is built.
    let is_elsewhere = |name: &str| name.starts_with("OTEL_") || name.starts_with("CARGO_");
    let missing: BTreeSet<&str> =
        quoted.filter(|name| !is_elsewhere(name) && !PAGE.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A default is right if setting the variable to it changes nothing.
#[test]
fn documented_defaults_are_those_of_the_code() {
    let usual = format!("{:?}", read(&BASE).unwrap());
    let mut compared = 0;
    for (variables, default) in rows() {
        let text = default.split("; ").next().unwrap();
        let without: Vec<_> = BASE.into_iter().filter(|(name, _)| !variables.contains(name)).collect();
        if text.starts_with("required") {
            assert_eq!(reported(&without), variables, "{variables:?} must be set");
        } else if let (Some(value), [variable]) = (text.strip_prefix('`'), variables.as_slice()) {
            let value = value.strip_suffix('`').unwrap();
            let with_default = read(&[&without[..], &[(*variable, value)]].concat()).unwrap();
            assert_eq!(format!("{with_default:?}"), usual, "{variable} = {value}");
            compared += 1;
        } else if let (Ok(number), [variable]) = (text.parse::<u64>(), variables.as_slice()) {
            let with_default = read(&[&without[..], &[(*variable, text)]].concat()).unwrap();
            assert_eq!(format!("{with_default:?}"), usual, "{variable} = {number}");
            compared += 1;
        } else {
            let is_known =
                NO_VALUE.contains(&default) || text.starts_with("not set") || text.starts_with("as ");
            assert!(
                is_known,
                "{variables:?}: the default {default:?} is neither a value nor one of {NO_VALUE:?}"
            );
        }
    }
    assert!(compared > 20, "{compared} defaults were compared");
}

#[test]
fn variables_without_a_documented_value_have_none() {
    let config = read(&[("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")]).unwrap();

    assert!(config.iam_principals.is_empty() && config.user_tokens.is_none() && config.approvals.is_none());
    assert!(config.budgets.is_none());
    assert!(config.limits.tokens.is_none() && config.cors_origins.is_empty());
    let models = config.models;
    assert!(models.key_secret_id.is_none() && models.guardrail.is_none() && models.prompt_cache.is_none());
    let settings = models.settings;
    assert!(settings.temperature.is_none() && settings.max_tokens.is_none());
    assert!(settings.thinking_tokens.is_none() && settings.stop.is_empty());
}
