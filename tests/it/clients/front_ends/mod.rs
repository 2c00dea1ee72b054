//! Front ends with interrupts, limits and broken connections: official clients against the function's real binary.
//!
//! One client process plays many threads. The tools that ran are counted in the function's log, by thread.

mod answers;
mod cut_connections;
mod event_shapes;
mod failed_runs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ag_ui_dev::{FunctionUrl, Invocation};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::function::Function;

/// The clients that front ends use today: the current one, and the one that CopilotKit still bundles.
const CLIENTS: [&str; 2] = ["1.0", "0.0.59"];
const KEY: (&str, &str) = ("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");
const JSON: (&str, &str) = ("AWS_LAMBDA_LOG_FORMAT", "JSON");
/// Makes the function for tests use an agent's default settings.
const PLAIN: (&str, &str) = ("TEST_PLAIN_AGENT", "1");
/// A request with this header is served by a new process.
const RESTART: &str = "x-restart";
/// The header with the seconds after which Lambda would stop the function.
const DEADLINE: &str = "x-deadline";

/// Starts a new process of the function.
type Start = Arc<dyn Fn() -> BoxFuture<'static, Function> + Send + Sync>;

/// A function behind a URL whose authorizer has verified a caller who may refund. A request can restart it.
struct RestartableFunction {
    function_url: FunctionUrl,
    /// All processes of the function. The last one is running.
    processes: Arc<Mutex<Vec<Arc<Function>>>>,
}

impl RestartableFunction {
    /// Starts the first process of the function, and serves it at a URL.
    async fn start<F>(start: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Function> + Send + 'static,
    {
        let start: Start = Arc::new(move || start().boxed());
        let processes = Arc::new(Mutex::new(vec![Arc::new(start().await)]));
        let running = Arc::clone(&processes);
        let function_url = FunctionUrl::serve(move |mut event: Value| {
            let (running, start) = (Arc::clone(&running), Arc::clone(&start));
            async move {
                event["requestContext"]["authorizer"] =
                    json!({"lambda": {"principalId": "ada", "permissions": "refunds:write"}});
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
        Self { function_url, processes }
    }

    /// Returns the function's URL.
    fn url(&self) -> String {
        self.function_url.url()
    }

    /// Whether a log line contains these words.
    async fn is_logged(&self, words: &str) -> bool {
        let processes = self.processes.lock().await;
        processes.iter().any(|function| function.logs().iter().any(|line| line.contains(words)))
    }

    /// Counts the log lines with this message, by thread.
    async fn count_lines_by_thread(&self, message: &str) -> BTreeMap<String, usize> {
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

/// Returns the expected counts: one line for each combination of answer and front end.
fn once_each(answers: &[&str], front_ends: &[&str]) -> BTreeMap<String, usize> {
    let threads = answers
        .iter()
        .flat_map(|answer| front_ends.iter().map(move |front_end| format!("{answer}-{front_end}")));
    threads.map(|thread| (thread, 1)).collect()
}
