//! The process is frozen and continues later, as Lambda does with an environment that has nothing to do.

use std::fs;
use std::time::{Duration, SystemTime};

use ag_ui_dev::Invocation;
use ag_ui_dev::provider::{Provider, Reply as ModelReply, TurnPart, Wire};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use super::{ending, recovers};
use crate::model;
use crate::support::function::{Function, TOKEN, send_hello, test_function};
use crate::support::gated_run::{Gate, Reading, event};

/// A process that is frozen. It continues when this is dropped.
struct Frozen(Pid);

impl Frozen {
    /// Stops the process of a function, and returns when it stands still.
    async fn new(function: &Function) -> Self {
        let pid = function.pid();
        let frozen = Self(Pid::from_raw(pid.try_into().unwrap()).unwrap());
        kill_process(frozen.0, Signal::STOP).unwrap();
        let is_stopped = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T ");
        while !is_stopped() {
            sleep(Duration::from_millis(1)).await;
        }
        frozen
    }
}

impl Drop for Frozen {
    /// Lets the process continue.
    fn drop(&mut self) {
        kill_process(self.0, Signal::CONT).unwrap();
    }
}

#[tokio::test]
async fn process_frozen_between_runs_serves_the_next() {
    // This server closes the connection after each answer, and the function learns of it only when it continues.
    let wire = Wire::OpenAiChat;
    let provider = Provider::start().await.unwrap();
    provider.reply_always(ModelReply::llama_cpp(wire, &[TurnPart::text("Fine.")]));
    let function = model::function(wire, &provider, &[]).await;
    for _ in 0..3 {
        let run = send_hello(&function, TOKEN).await;
        assert_eq!(ending(&run.events), "success", "{}", run.text);
        drop(Frozen::new(&function).await);
        recovers(&function, &[&run.text]).await;
    }
}

#[tokio::test]
async fn run_in_a_frozen_process_goes_on() {
    let function = test_function(&[]).await;
    let gate = Gate::new().await;
    let mut reading = Reading::start(&function, &gate.event()).await;
    reading.until(1, "one ").await;
    let held = gate.reached().await;

    let frozen = Frozen::new(&function).await;
    drop(held);
    drop(frozen);
    drop(gate.reached().await);
    reading.until(1, "three ").await;

    let received = reading.text.clone();
    assert_eq!(ending(&reading.end().await), "success");
    recovers(&function, &[&received]).await;
}

#[tokio::test]
async fn run_frozen_past_its_deadline_is_cancelled() {
    let function = test_function(&[]).await;
    let deadline = SystemTime::now() + Duration::from_secs(4);
    let invocation = Invocation { deadline: Some(deadline), ..Default::default() };
    let mut reading = Reading::start_with(&function, &event("wait"), invocation).await;
    reading.until(1, "I wait").await;

    let frozen = Frozen::new(&function).await;
    sleep(deadline.duration_since(SystemTime::now()).unwrap_or_default()).await;
    drop(frozen);

    let received = reading.text.clone();
    assert_eq!(ending(&reading.end().await), "DEADLINE");
    recovers(&function, &[&received]).await;
}
