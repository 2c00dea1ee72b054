//! The commands that a deployment prints, pasted into a shell.

use super::machine::{Machine, Printed};

/// Returns the commands that a deployment has printed for what comes next.
pub(super) fn printed_commands(printed: &Printed) -> Vec<String> {
    let (_, next) = printed.text.split_once("== What you can do next").expect("it prints what is next");
    let lines = next.lines().filter_map(|line| line.strip_prefix("  "));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    for line in &lines {
        assert!(line.len() + 2 <= 80, "longer than 80 columns: {line}");
    }
    lines
}

/// Pastes the commands of a run into a shell with these variables, and returns what its terminal shows. A command that reads a
/// token gets one.
pub(super) fn paste_run(machine: &Machine, printed: &Printed, variables: &[(&str, &str)]) -> Printed {
    let commands = printed_commands(printed);
    let (reads, run): (Vec<&str>, Vec<&str>) = commands
        .iter()
        .map(String::as_str)
        .filter(|line| !line.starts_with("make "))
        .partition(|line| line.starts_with("stty "));
    let mut steps = Vec::new();
    for read in reads {
        let token = if read.contains("read -r JWT;") { "a.b.c" } else { "sample-token" };
        steps.extend([("$ ", read), ("Token: ", token)]);
    }
    let run = run.join("\n");
    steps.extend([("$ ", run.as_str()), ("RUN_FINISHED", "exit")]);
    machine.type_into(&["bash", "--norc", "-i"], &steps, variables)
}
