//! Sends hostile inputs to the library: `hostile [TARGET] [--seed N] [--count N]`.
//!
//! It starts a process for the target, or one for each of them. `--first N --count 1 --show` repeats one input alone, and prints it with
//! the log. `--bytes FILE` sends the input that a fuzzer has found.
#![expect(clippy::print_stderr, reason = "it is a program for people")]

use std::alloc::System;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use cap::Cap;
use hostile::harness::{Plan, supervise, work, work_on_bytes};
use hostile::targets::{TARGETS, Target, find};

/// Counts the bytes that are allocated.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What the arguments of the program ask for.
#[derive(Default)]
struct Options {
    /// The target; `None` for all.
    target: Option<&'static Target>,
    plan: Plan,
    /// Whether this is the process of one target, which another process has started.
    is_worker: bool,
    /// A file with the bytes of a fuzzer.
    bytes: Option<PathBuf>,
}

/// Does what the arguments ask for. The exit code is a failure if anything is wrong.
fn main() -> ExitCode {
    let options = match read(env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            eprintln!(
                "hostile: {problem}\nusage: hostile [TARGET] [--seed N] [--first N] [--count N] [--show] [--bytes FILE]"
            );
            eprintln!("targets: {}", names.join(" "));
            return ExitCode::from(2);
        }
    };
    let is_fine = match (options.target, options.bytes) {
        (Some(target), Some(file)) => match fs::read(&file) {
            Ok(bytes) => work_on_bytes(target, &bytes),
            Err(error) => {
                eprintln!("hostile: {}: {error}", file.display());
                return ExitCode::from(2);
            }
        },
        (Some(target), None) if options.is_worker => work(target, &options.plan, || ALLOCATOR.allocated()),
        (target, _) => supervise(target, &options.plan),
    };
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Reads the arguments. An error is a sentence about the first that cannot be used.
fn read(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is not a number"));
        let plan = &mut options.plan;
        match argument.as_str() {
            "--seed" => plan.seed = number(value()?)?,
            "--first" => plan.first = number(value()?)?,
            "--count" => plan.count = Some(number(value()?)?),
            "--max-cpu-ms" => plan.max_cpu = Duration::from_millis(number(value()?)?),
            "--progress" => plan.progress = Some(value()?.into()),
            "--worker" => options.is_worker = true,
            "--show" => plan.is_shown = true,
            "--bytes" => options.bytes = Some(value()?.into()),
            name => options.target = Some(find(name).ok_or(format!("there is no target {name}"))?),
        }
    }
    Ok(options)
}
