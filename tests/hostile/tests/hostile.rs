//! 50,000 hostile inputs do no harm, and what must not happen is found where it is planted.
//!
//! `HOSTILE_SEED` and `HOSTILE_COUNT` send others and more; `make test-long` sets them.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]
#![expect(clippy::disallowed_methods, reason = "the ban on reading the environment is for the function")]

use std::io::Write as _;
use std::process::Command;

/// Runs the program with these arguments. Returns whether it succeeded, and what it printed.
fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hostile")).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn hostile_inputs_do_no_harm() {
    let (seed, count) = (std::env::var("HOSTILE_SEED"), std::env::var("HOSTILE_COUNT"));
    let (seed, count) = (seed.unwrap_or_else(|_| "1".into()), count.unwrap_or_else(|_| "50000".into()));

    let (is_fine, report) = run(&["--seed", &seed, "--count", &count]);

    // Without the macros it is printed also if the test succeeds.
    std::io::stderr().write_all(report.as_bytes()).unwrap();
    assert!(is_fine, "{report}");
}

#[test]
fn planted_faults_are_found() {
    for (target, expected) in [
        ("planted_panic", "a panic: panicked at"),
        ("planted_caught_panic", "a panic: panicked at"),
        ("planted_hang", "it takes too much CPU time"),
        ("planted_endless_wait", "it waits without end"),
        ("planted_leak", "memory is not freed"),
        ("planted_memory", "the process has ended by signal 6"),
        ("planted_second_end", "a run has 2 ends"),
        ("planted_merged_value", "OpenAiChat: "),
    ] {
        let (is_fine, report) = run(&[target, "--max-cpu-ms", "300"]);

        assert!(!is_fine, "{target}: {report}");
        assert!(report.contains(&format!("hostile: {target}: input ")), "{report}");
        assert!(report.contains(expected), "{target}: {report}");
        // The input alone is enough to find it again.
        let command =
            report.lines().find_map(|line| line.strip_prefix("hostile: to repeat it alone: ")).unwrap();
        let arguments: Vec<&str> = command.split(' ').skip(1).chain(["--max-cpu-ms", "300"]).collect();
        let (is_fine, again) = run(&arguments);
        assert!(!is_fine && again.contains(expected), "{target}: {again}");
    }
}

#[test]
fn inputs_of_one_target_can_be_sent_alone() {
    let (is_fine, report) = run(&["read_inputs", "--count", "300"]);

    assert!(is_fine, "{report}");
    assert!(report.contains("300 inputs of seed 1"), "{report}");
}
