//! What the checks have found, as a person reads it in a terminal of 80 columns.

use super::checks::GROUPS;

/// The width of a terminal that lines are broken for. Commands are never broken, so that they can be pasted.
const COLUMNS: usize = 80;
/// The indent of the second line of a finding and of its fix.
const INDENT: usize = 12;

/// What one check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is as it should be. The text says what is there.
    Ok(String),
    /// It does not work.
    Failed {
        /// What is wrong.
        problem: String,
        /// What to do. A line that begins with two blanks is a command or a text of a file, and stays as it is.
        fix: String,
    },
    /// It was not checked, for this reason.
    Skipped(String),
}

/// A check and what it has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// The name of the check.
    pub(super) check: &'static str,
    /// What it has found.
    pub(super) outcome: Outcome,
}

impl Finding {
    /// Creates a finding of a check that is as it should be; `found` says what is there.
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok(found.into()) }
    }

    /// Creates a finding of a check that has failed, with what to do.
    pub(super) fn failed(check: &'static str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Failed { problem: problem.into(), fix: fix.into() } }
    }

    /// Creates a finding of a check that was not made.
    pub(super) fn skipped(check: &'static str, reason: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Skipped(reason.into()) }
    }

    /// Creates findings of all these checks, none of which was made, for the same reason.
    pub(super) fn all_skipped(checks: &[&'static str], reason: &str) -> Vec<Self> {
        checks.iter().map(|check| Self::skipped(check, reason)).collect()
    }
}

/// Counts findings, and formats them.
pub(super) struct Report {
    has_colour: bool,
    ok: usize,
    failed: usize,
    skipped: usize,
}

impl Report {
    /// Creates an empty report. With `has_colour` the marks of its lines are coloured.
    pub(super) fn new(has_colour: bool) -> Self {
        Self { has_colour, ok: 0, failed: 0, skipped: 0 }
    }

    /// Counts the findings of a group and returns its text: a heading, a line for each check, and the fixes. Checks in a row that
    /// were skipped for the same reason share a line.
    ///
    /// # Panics
    /// Panics in a debug build if the findings are not those of the group's checks, in their order.
    pub(super) fn add(&mut self, group: &str, findings: Vec<Finding>) -> String {
        debug_assert_eq!(
            GROUPS.iter().find(|(name, _)| *name == group).map(|(_, checks)| checks.to_vec()),
            Some(findings.iter().map(|finding| finding.check).collect())
        );
        let is_same = |one: &Finding, next: &Finding| {
            matches!(one.outcome, Outcome::Skipped(_)) && one.outcome == next.outcome
        };
        let mut text = format!("{group}\n");
        for same in findings.chunk_by(is_same) {
            let checks = same.iter().map(|finding| finding.check).collect::<Vec<_>>().join(", ");
            text += &self.add_line(&checks, &same[0].outcome, same.len());
        }
        text + "\n"
    }

    /// Counts `count` checks with the same outcome and returns their line, and the fix below it.
    fn add_line(&mut self, checks: &str, outcome: &Outcome, count: usize) -> String {
        let (mark, colour, found, counter) = match outcome {
            Outcome::Ok(found) => ("[ok]", 32, found, &mut self.ok),
            Outcome::Failed { problem, .. } => ("[failed]", 31, problem, &mut self.failed),
            Outcome::Skipped(reason) => ("[skipped]", 33, reason, &mut self.skipped),
        };
        *counter += count;
        let line = wrap(&format!("{checks}: {found}"), INDENT);
        let blanks = " ".repeat(INDENT - 2 - mark.len());
        let mark = if self.has_colour { format!("\x1b[{colour}m{mark}\x1b[0m") } else { mark.to_owned() };
        let mut text = format!("  {mark}{blanks}{}\n", line.trim_start());
        if let Outcome::Failed { fix, .. } = outcome {
            text += &format_fix(fix);
        }
        text
    }

    /// Whether a check has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed > 0
    }

    /// Returns the last line of the report: how many checks there were, and how many have failed.
    pub(super) fn summary(&self) -> String {
        let Self { ok, failed, skipped, .. } = self;
        let mut text =
            format!("{} checks: {ok} ok, {failed} failed, {skipped} skipped.\n", ok + failed + skipped);
        if self.has_failed() {
            text += "The lines behind `Fix:` say what to do. Then run `ag-ui-dev doctor` again.\n";
        }
        text
    }
}

/// Formats what to do about a failed check. Its commands keep their lines.
fn format_fix(fix: &str) -> String {
    let mut text = String::new();
    for (number, line) in fix.lines().enumerate() {
        let is_command = line.starts_with("  ");
        if number == 0 && is_command {
            text += &format!("{}Fix:\n", " ".repeat(INDENT));
        }
        let prefix = if number == 0 && !is_command { "Fix: " } else { "" };
        match is_command {
            true => text += &format!("{}{line}\n", " ".repeat(INDENT)),
            false => text += &format!("{}\n", wrap(&format!("{prefix}{line}"), INDENT)),
        }
    }
    text
}

/// Breaks a text into lines of at most 80 columns, each with this indent. A word that is longer stays in one piece.
fn wrap(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        let length = line.chars().count();
        if length > 0 && indent + length + 1 + word.chars().count() > COLUMNS {
            lines.push(word.to_owned());
        } else {
            *line += if length > 0 { " " } else { "" };
            *line += word;
        }
    }
    lines.iter().map(|line| format!("{}{line}", " ".repeat(indent))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns findings for the group "Project", with these as its first ones.
    fn project(first: Vec<Finding>) -> Vec<Finding> {
        let names = ["manifest", "panic", "program"];
        let rest = Finding::all_skipped(&names[first.len()..], "there is no Cargo.toml here");
        first.into_iter().chain(rest).collect()
    }

    #[test]
    fn each_check_has_a_line_and_a_failed_one_its_fix() {
        let mut report = Report::new(false);
        let long =
            "a tool that panics would end every run of its process, because the program is built to abort";
        let fix = "write this into Cargo.toml, and deploy the function again so that the next panic is an error of its tool alone:\n  [profile.release]\n  panic = \"unwind\"";
        let findings = vec![Finding::ok("manifest", "shop 0.1.0"), Finding::failed("panic", long, fix)];

        let text = report.add("Project", project(findings));

        assert_eq!(
            text,
            concat!(
                "Project\n",
                "  [ok]      manifest: shop 0.1.0\n",
                "  [failed]  panic: a tool that panics would end every run of its process,\n",
                "            because the program is built to abort\n",
                "            Fix: write this into Cargo.toml, and deploy the function again so\n",
                "            that the next panic is an error of its tool alone:\n",
                "              [profile.release]\n",
                "              panic = \"unwind\"\n",
                "  [skipped] program: there is no Cargo.toml here\n\n",
            )
        );
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS));
        assert!(report.has_failed());
        assert!(report.summary().starts_with("3 checks: 1 ok, 1 failed, 1 skipped.\nThe lines behind"));
    }

    #[test]
    fn checks_that_are_skipped_for_one_reason_share_a_line() {
        let text = Report::new(false).add("Project", project(vec![]));

        assert_eq!(text, "Project\n  [skipped] manifest, panic, program: there is no Cargo.toml here\n\n");
    }

    #[test]
    fn report_without_a_failure_has_only_the_numbers() {
        let mut report = Report::new(true);
        let text = report.add("Project", project(vec![Finding::ok("manifest", "shop")]));

        assert!(text.contains("  \x1b[32m[ok]\x1b[0m      manifest: shop\n"), "{text}");
        assert!(!report.has_failed());
        assert_eq!(report.summary(), "3 checks: 1 ok, 0 failed, 2 skipped.\n");
    }

    #[test]
    fn fix_that_is_only_a_command_has_a_line_of_its_own() {
        assert_eq!(format_fix("  rustup update"), "            Fix:\n              rustup update\n");
    }
}
