//! What front ends do with calls that wait for a person, with limits and with broken connections: official clients, at the
//! function's real binary.
//!
//! One process of a client plays many threads. What ran is counted in the function's log, thread by thread.

mod answers;
mod cuts;
mod endings;
mod limits;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ag_ui_dev::{FunctionUrl, Invocation};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::function::Function;

/// What front ends use today: the current client, and the one that CopilotKit still bundles.
const CLIENTS: [&str; 2] = ["1.0", "0.0.59"];
const KEY: (&str, &str) = ("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");
const JSON: (&str, &str) = ("AWS_LAMBDA_LOG_FORMAT", "JSON");
/// The function for tests, with the settings that an agent has by itself.
const PLAIN: (&str, &str) = ("TEST_PLAIN_AGENT", "1");
/// With this header a request meets another process than the one before.
const RESTART: &str = "x-restart";
/// The seconds after which Lambda would stop the function.
const DEADLINE: &str = "x-deadline";

/// Starts a function anew.
type Start = Arc<dyn Fn() -> BoxFuture<'static, Function> + Send + Sync>;

/// A function behind a URL where a caller who may refund is proven.
struct Served {
    door: FunctionUrl,
    /// The processes of the function; the last one runs.
    processes: Arc<Mutex<Vec<Arc<Function>>>>,
}

impl Served {
    async fn start<F>(start: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Function> + Send + 'static,
    {
        let start: Start = Arc::new(move || start().boxed());
        let processes = Arc::new(Mutex::new(vec![Arc::new(start().await)]));
        let running = Arc::clone(&processes);
        let door = FunctionUrl::serve(move |mut event: Value| {
            let (running, start) = (Arc::clone(&running), Arc::clone(&start));
            async move {
                event["requestContext"]["authorizer"] =
                    json!({"lambda": {"principalId": "ada", "scope": "refunds:write"}});
                let function = {
                    let mut running = running.lock().await;
                    if event["headers"][RESTART].is_string() {
                        running.last().unwrap().kill().await;
                        running.push(Arc::new(start().await));
                    }
                    Arc::clone(running.last().unwrap())
                };
                let seconds = event["headers"][DEADLINE].as_str().map(|seconds| seconds.parse().unwrap());
                let deadline = seconds.map(|seconds| SystemTime::now() + Duration::from_secs_f32(seconds));
                function.invoke_with(&event, Invocation { deadline, ..Invocation::default() }).await
            }
        })
        .await
        .unwrap();
        Self { door, processes }
    }

    fn url(&self) -> String {
        self.door.url()
    }

    /// Whether a line of the log has these words.
    async fn is_logged(&self, words: &str) -> bool {
        let processes = self.processes.lock().await;
        processes.iter().any(|function| function.logs().iter().any(|line| line.contains(words)))
    }

    /// How often each thread has brought about this line of the log.
    async fn lines_of(&self, message: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for function in self.processes.lock().await.iter() {
            let log = function.logs();
            let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            for line in lines.filter(|line| line["message"] == message) {
                *counts.entry(line["thread_id"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

/// Lines as they should be: one of each of these answers, by each of these front ends.
fn once_each(answers: &[&str], front_ends: &[&str]) -> BTreeMap<String, usize> {
    let threads = answers
        .iter()
        .flat_map(|answer| front_ends.iter().map(move |front_end| format!("{answer}-{front_end}")));
    threads.map(|thread| (thread, 1)).collect()
}
