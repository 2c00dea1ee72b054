//! Starts a process for each target, as many at a time as there are processors, and prints what they report.
#![expect(clippy::print_stderr, reason = "it is the output of a test")]

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::{env, fs, process, thread};

use super::{Plan, command};
use crate::targets::{TARGETS, Target};

/// Sends the inputs of a plan to a target, or to all. Returns whether everything was as it must be.
pub fn supervise(only: Option<&'static Target>, plan: &Plan) -> bool {
    let begin = Instant::now();
    let targets: Vec<(&Target, u64)> = match only {
        Some(target) => vec![(target, plan.count.unwrap_or(target.share))],
        None => TARGETS.iter().map(|target| (target, share(target, plan.count))).collect(),
    };
    let count: u64 = targets.iter().map(|(_, count)| count).sum();
    eprintln!("hostile: {count} inputs of seed {}", plan.seed);
    let queue: Mutex<VecDeque<(&Target, u64)>> = Mutex::new(targets.into());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let is_fine = AtomicBool::new(true);
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while let Some((target, count)) = next() {
                    if !run(target, count, plan) {
                        is_fine.store(false, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    eprintln!("hostile: {count} inputs of seed {} in {} s", plan.seed, begin.elapsed().as_secs());
    is_fine.into_inner()
}

/// Returns how many of all inputs a target gets; 50,000 are the default.
fn share(target: &Target, count: Option<u64>) -> u64 {
    count.map_or(target.share, |count| count * target.share / 50_000)
}

/// Runs the process that sends this many inputs to a target, and prints its report. Returns whether it succeeded.
fn run(target: &Target, count: u64, plan: &Plan) -> bool {
    let progress = env::temp_dir().join(format!("hostile-{}-{}", process::id(), target.name));
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg(target.name).arg("--worker").arg("--progress").arg(&progress);
    let max_cpu = plan.max_cpu.as_millis().to_string();
    for (name, value) in [("--seed", plan.seed), ("--first", plan.first), ("--count", count)] {
        command.args([name, &value.to_string()]);
    }
    command.args(["--max-cpu-ms", &max_cpu]).stderr(Stdio::piped());
    // The standard output is the log.
    match plan.is_shown {
        true => command.arg("--show"),
        false => command.stdout(Stdio::null()),
    };
    let output = command.spawn().and_then(Child::wait_with_output).unwrap();
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    if let Some(signal) = output.status.signal() {
        report_signal(target.name, plan.seed, (signal, &progress));
    }
    // It may not exist, if the process has not begun.
    let _ = fs::remove_file(&progress);
    output.status.success()
}

/// Prints with which input a process was that has ended by a signal.
fn report_signal(target: &str, seed: u64, (signal, progress): (i32, &Path)) {
    let index = fs::read(progress).ok().and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let Some(index) = index else {
        eprintln!("hostile: {target}: the process has ended by signal {signal} before the first input");
        return;
    };
    eprintln!("hostile: {target}: input {index} of seed {seed}: the process has ended by signal {signal}");
    eprintln!("hostile: to repeat it alone: {}", command(target, seed, index));
}
