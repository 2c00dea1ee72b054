//! The list of all checks, in the order in which they are reported.

/// The groups with the names of their checks. The page docs/doctor.md has a row for each.
pub(super) const GROUPS: &[(&str, &[&str])] = &[
    ("Tools", &["rust", "c-compiler", "cargo-lambda", "zig", "target", "sam", "python", "node"]),
    ("Project", &["manifest", "panic", "program"]),
    ("Template", &["template", "timeout", "streaming", "alias", "local-settings", "variables"]),
    ("AWS", &["region", "credentials", "stack"]),
    ("Secrets", &["token-secret", "approval-secret", "log-name-secret", "model-keys"]),
    ("Model", &["model", "bedrock-access", "provider"]),
    (
        "Endpoint",
        &[
            "health",
            "clock",
            "no-token",
            "wrong-token",
            "method",
            "cors",
            "token",
            "headers",
            "run",
            "streams",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the group and the name of each row in the tables of checks, in the order of the page.
    fn documented() -> Vec<(&'static str, &'static str)> {
        let page = include_str!("../../../../docs/doctor.md");
        let (mut group, mut is_of_checks) = ("", false);
        let mut rows = Vec::new();
        for line in page.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                group = heading;
            } else if line.starts_with("| ") && line.ends_with(" fix |") {
                is_of_checks = true;
            } else if line.is_empty() {
                is_of_checks = false;
            } else if is_of_checks
                && let Some(row) = line.strip_prefix("| `")
                && let Some((name, _)) = row.split_once("` |")
            {
                rows.push((group, name));
            }
        }
        rows
    }

    #[test]
    fn page_has_a_row_for_each_check_in_its_group() {
        let checks = GROUPS.iter().flat_map(|(group, names)| names.iter().map(|name| (*group, *name)));
        assert_eq!(documented(), checks.collect::<Vec<_>>());
    }
}
