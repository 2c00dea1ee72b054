//! Sends the inputs of a plan to one target, in this process.
#![expect(
    clippy::print_stderr,
    reason = "the report goes to the standard error, as the log goes to the standard output"
)]

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::watchdog::{Watchdog, cpu_time};
use super::{Plan, command, memory, panics};
use crate::choices::Choices;
use crate::responses::Outcome;
use crate::targets::{Session, Target};

/// After how many inputs the memory is compared.
const BATCH: u64 = 250;
/// How many bytes more may be allocated, for each input of a batch that was sent before.
const TOLERANCE_EACH: usize = 32;
/// How many bytes more may be allocated beside that.
const TOLERANCE: usize = 512;
/// How often a batch is sent again before growing memory counts as a leak: caches and buffers may still grow at first.
const PASSES: usize = 4;
/// From how many inputs on a target must have accepted some and refused some.
const MIN_FOR_SHARES: u64 = 1000;
/// At least one input in so many must be accepted, and one refused.
const MIN_SHARE: u64 = 50;

/// One target and what is known about its inputs.
struct Worker<'a> {
    target: &'static Target,
    plan: &'a Plan,
    session: Session,
    watchdog: Watchdog,
    progress: Option<File>,
    /// Returns how many bytes are allocated.
    allocated: fn() -> usize,
    accepted: u64,
    refused: u64,
}

/// Sends the inputs of a plan to a target. `allocated` returns how many bytes the process has allocated. Returns whether
/// everything was as it must be; if not, a report was printed.
pub fn work(target: &'static Target, plan: &Plan, allocated: fn() -> usize) -> bool {
    // The log is written as in a function, so that its fields are formatted.
    ag_ui_lambda::lambda::init_telemetry();
    panics::record(plan.is_shown);
    let session = (target.start)(plan.seed);
    let seed = plan.seed;
    let name = target.name;
    let watchdog = Watchdog::start(plan.max_cpu, move |index, reason| report(name, seed, (index, reason)));
    let progress = plan.progress.as_ref().and_then(|path| File::create(path).ok());
    let mut worker = Worker { target, plan, session, watchdog, progress, allocated, accepted: 0, refused: 0 };
    memory::limit_data();
    let idle = memory::resident();
    let finding = worker.send_all();
    if let Some((index, problem)) = &finding {
        report(name, seed, (*index, problem));
    }
    eprintln!(
        "hostile: {name}: {} inputs of seed {seed}: {} accepted, {} refused, {:.1} s of CPU, peak {} MB over idle",
        worker.accepted + worker.refused,
        worker.accepted,
        worker.refused,
        cpu_time().as_secs_f64(),
        memory::peak().saturating_sub(idle) / 1_000_000,
    );
    finding.is_none()
}

/// Sends one input that the bytes of a fuzzer choose. Returns whether everything was as it must be.
pub fn work_on_bytes(target: &'static Target, bytes: &[u8]) -> bool {
    panics::record(true);
    let mut session = (target.start)(1);
    let result = catch_unwind(AssertUnwindSafe(|| session(&mut Choices::of_bytes(bytes))));
    let problem = panics::take().or(result.ok().and_then(Result::err));
    problem.iter().for_each(|problem| eprintln!("hostile: {}: {problem}", target.name));
    problem.is_none()
}

/// Prints what is wrong with an input, and how to repeat it.
fn report(target: &str, seed: u64, (index, problem): (u64, &str)) {
    eprintln!("hostile: {target}: input {index} of seed {seed}: {problem}");
    eprintln!("hostile: to repeat it alone: {}", command(target, seed, index));
}

impl Worker<'_> {
    /// Sends all inputs. Returns the number of the first one with a problem, and the problem.
    fn send_all(&mut self) -> Option<(u64, String)> {
        let count = self.plan.count.unwrap_or(self.target.share);
        let end = self.plan.first + count;
        for first in (self.plan.first..end).step_by(BATCH as usize) {
            let batch = first..end.min(first + BATCH);
            for index in batch.clone() {
                match self.send(index) {
                    Ok(Outcome::Accepted) => self.accepted += 1,
                    Ok(Outcome::Refused) => self.refused += 1,
                    Err(problem) => return Some((index, problem)),
                }
            }
            if let Some(leak) = self.leak(&batch) {
                return Some(leak);
            }
        }
        let fewest = self.accepted.min(self.refused);
        let is_one_sided = count >= MIN_FOR_SHARES && fewest < count / MIN_SHARE;
        is_one_sided.then(|| (end, "almost all inputs were accepted, or almost all refused".to_owned()))
    }

    /// Sends one input. An error is what is wrong with it.
    fn send(&mut self, index: u64) -> Result<Outcome, String> {
        if let Some(progress) = &self.progress {
            // A file that cannot be written only makes the report of a killed process shorter.
            let _ = progress.write_at(&index.to_le_bytes(), 0);
        }
        let mut choices = Choices::of_seed(self.plan.seed, index);
        if self.plan.is_shown {
            choices = choices.shown();
        }
        self.watchdog.begin(index);
        let result = catch_unwind(AssertUnwindSafe(|| (self.session)(&mut choices)));
        self.watchdog.end();
        match (panics::take(), result) {
            (Some(panic), _) => Err(panic),
            (None, Ok(result)) => result,
            (None, Err(_)) => Err("a panic that was not recorded".to_owned()),
        }
    }

    /// Sends a batch again, and compares the memory. Returns the first input after which memory is not freed.
    fn leak(&mut self, batch: &Range<u64>) -> Option<(u64, String)> {
        let mut before = (self.allocated)();
        let tolerance = TOLERANCE + TOLERANCE_EACH * (batch.end - batch.start) as usize;
        let mut grown = 0;
        for _ in 0..PASSES {
            for index in batch.clone() {
                if let Err(problem) = self.send(index) {
                    return Some((index, format!("when it is sent again: {problem}")));
                }
            }
            let after = (self.allocated)();
            grown = after.saturating_sub(before);
            if grown <= tolerance {
                return None;
            }
            before = after;
        }
        let index = batch.clone().find(|index| self.grows_each_time(*index));
        let problem = format!("memory is not freed: {grown} bytes after the inputs {batch:?}");
        Some((index.unwrap_or(batch.start), problem))
    }

    /// Whether more bytes are allocated each time that this input is sent.
    fn grows_each_time(&mut self, index: u64) -> bool {
        let mut before = (self.allocated)();
        (0..3).all(|_| {
            let _ = self.send(index);
            let after = (self.allocated)();
            std::mem::replace(&mut before, after) < after
        })
    }
}
