//! Measures what the process of a function costs, from outside, and prints a table.
//!
//! The first part uses the scripted model, with the shared token in the Secrets Manager of moto. The second part uses each
//! wire format, with the stand-in for its provider. The numbers are those of this machine, and no limit makes the bench
//! fail.
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure should say where")]
#![expect(clippy::print_stdout, reason = "the table is printed")]

use std::time::{Duration, Instant};

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use ag_ui_dev::{EntryPoint, Function};
use serde_json::{Value, json};
use test_support::hostile_bodies::{self, Row};
use test_support::moto::Moto;
use test_support::provider;
use tokio::process::Command;

/// The shared token of the measured functions.
const TOKEN: &str = "token-of-the-bench";
/// How many times the start of a function is measured.
const STARTS: usize = 20;
/// How many warm requests are measured.
const RUNS: usize = 100;
/// How many words the user writes in the short and in the long run, which the scripted model repeats.
const WORDS: [usize; 2] = [200, 4200];
/// How many pieces the provider streams in the short and in the long run.
const DELTAS: [usize; 2] = [200, 2200];

/// Runs all measurements one after another and prints a row for each.
fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let moto = Moto::shared();
        moto.create_secret("bench", &json!({ "token": TOKEN }).to_string()).await;
        println!("{:<58} {:>10} {:>10} {:>10}   limit", "", "min", "median", "max");
        starts(moto).await;
        runs(moto).await;
        events(moto).await;
        for wire in Wire::ALL {
            deltas(wire).await;
        }
        for wire in [Wire::OpenAiChat, Wire::Anthropic, Wire::Bedrock] {
            hostile_bodies(wire).await;
            long_history(wire).await;
        }
    });
}

/// Starts the function several times. Measures the time from the start of the process to its first poll, the time from the
/// first request to its first event, in which the function reads its secret, and the memory after the run.
async fn starts(moto: &Moto) {
    let mut start = Vec::new();
    let mut first = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..STARTS {
        let function = spawn(moto).await;
        start.push(millis(function.ready(Duration::from_secs(10)).await.unwrap()));
        first.push(millis(first_event(&function, &input("What is the weather in Tokyo?")).await));
        memory.push(function.peak_memory_kib().unwrap() as f64 / 1024.0);
        function.kill().await;
    }
    row("start: spawn to first /next, ms", &mut start, "10 (median)");
    row("first event of the first request, ms", &mut first, "");
    row("memory after a run (VmHWM), MiB", &mut memory, "20");
}

/// Measures the time from a request to its first event, in a function that has already served a request.
async fn runs(moto: &Moto) {
    let function = spawn(moto).await;
    let mut warm = Vec::new();
    for _ in 0..RUNS {
        warm.push(millis(first_event(&function, &input("What is the weather in Tokyo?")).await));
    }
    row("first event of a warm request, ms", &mut warm[1..], "");
}

/// Measures the processor time that one more event of a run costs: the difference between a long and a short run, divided
/// by the difference of their events.
async fn events(moto: &Moto) {
    let function = spawn(moto).await;
    first_event(&function, &input("Hello")).await;
    let mut costs = Vec::new();
    for _ in 0..5 {
        let mut measured = Vec::new();
        for words in WORDS {
            let text = "word ".repeat(words);
            let before = function.cpu_time().unwrap();
            let mut response = function.invoke(&event(&input(&text))).await.unwrap();
            let events = response.text().await.matches("\n\n").count();
            measured.push((events as f64, (function.cpu_time().unwrap() - before).as_secs_f64() * 1e6));
        }
        let [(few, short), (many, long)] = measured[..] else { unreachable!("two runs are measured") };
        costs.push((long - short) / (many - few));
    }
    row("CPU of an event, whole process, µs", &mut costs, "30");
}

/// Measures the processor time that one more delta of a model costs on this wire: the difference between a long and a short
/// stream of the provider, divided by the difference of their deltas. Text and arguments of calls are measured separately.
async fn deltas(wire: Wire) {
    let provider = Provider::start().await.unwrap();
    let function = at_provider(wire, &provider.url()).await;
    let text = |pieces: usize| vec![vec![TurnPart::text("word "); pieces]];
    // One call whose pieces are as small as those of real models.
    let arguments = |pieces: usize| {
        let digits = std::iter::repeat_n("12345", pieces - 2);
        let pieces = ["{\"location\":\""].into_iter().chain(digits).chain(["\"}"]);
        vec![vec![TurnPart::call("call_1", "get_weather", pieces)], vec![TurnPart::text("Done.")]]
    };
    let turns: [(&str, Turns<'_>); 2] = [("text", &text), ("arguments", &arguments)];
    for (kind, turns) in turns {
        if kind == "arguments" && matches!(wire, Wire::Gemini | Wire::Ollama) {
            continue; // their arguments are sent in one piece
        }
        let mut costs = Vec::new();
        for _ in 0..5 {
            let mut measured = Vec::new();
            for pieces in DELTAS {
                provider.queue(turns(pieces).iter().map(|turn| Reply::stream(wire, turn)));
                let before = function.cpu_time().unwrap();
                let mut response = function.invoke(&event(&input("Hello"))).await.unwrap();
                assert!(response.text().await.contains("RUN_FINISHED"));
                measured.push((function.cpu_time().unwrap() - before).as_secs_f64() * 1e6);
            }
            costs.push((measured[1] - measured[0]) / (DELTAS[1] - DELTAS[0]) as f64);
        }
        row(&format!("CPU of a delta and its event, {wire:?} {kind}, µs"), &mut costs, "40");
    }
}

/// Measures how much memory the largest bodies take at this provider, over the memory of a function that has served a run.
/// Each gets a new function. The last column has the memory for each byte of the body.
async fn hostile_bodies(wire: Wire) {
    for Row { name, has_provider, body, .. } in hostile_bodies::rows() {
        if !has_provider {
            continue;
        }
        let provider = Provider::start().await.unwrap();
        provider.reply_always(Reply::stream(wire, &[TurnPart::text("Done.")]));
        let function = at_provider(wire, &provider.url()).await;
        send(&function, &hostile_bodies::small()).await;
        let before = function.peak_memory_kib().unwrap();
        send(&function, &body).await;
        let peak = (function.peak_memory_kib().unwrap() - before) as f64;
        let label = format!("memory of a body, {name}, {wire:?}, MiB");
        row(&label, &mut [peak / 1024.0], &format!("{:.1} x", peak * 1024.0 / body.len() as f64));
        function.kill().await;
    }
}

/// Measures the processor time of a run with a long history.
async fn long_history(wire: Wire) {
    let body = hostile_bodies::long_history(5_500_000);
    let provider = Provider::start().await.unwrap();
    provider.reply_always(Reply::stream(wire, &[TurnPart::text("Done.")]));
    let function = at_provider(wire, &provider.url()).await;
    send(&function, &hostile_bodies::small()).await;
    let mut costs = Vec::new();
    for _ in 0..5 {
        let before = function.cpu_time().unwrap();
        send(&function, &body).await;
        costs.push(millis(function.cpu_time().unwrap() - before));
    }
    row(&format!("CPU of a history of 5.5 MB, {wire:?}, ms"), &mut costs, "60 (median, release)");
}

/// Sends a request with this body to the function, and reads the response to its end.
async fn send(function: &Function, body: &str) {
    let mut response = function.invoke(&event_of(body.to_owned())).await.unwrap();
    response.text().await;
}

/// A function that returns the turns of a run in which a text or a call has this many pieces.
type Turns<'a> = &'a dyn Fn(usize) -> Vec<Vec<TurnPart>>;

/// Starts a function that uses the provider at `url` over this wire, and waits until it is ready.
async fn at_provider(wire: Wire, url: &str) -> Function {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ag-ui-lambda"));
    command.env_clear().env("AGUI_LOCAL", "1").env("AGUI_TOKEN", TOKEN);
    // The largest bodies reach the provider complete.
    command.env("AGUI_MAX_INPUT_BYTES", "50000000");
    command.envs(provider::variables(wire, url));
    let function = Function::spawn(command).await.unwrap();
    function.ready(Duration::from_secs(10)).await.unwrap();
    function
}

/// Starts a function with the scripted model, whose token is in a secret of moto. It does not wait until the function is
/// ready.
async fn spawn(moto: &Moto) -> Function {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ag-ui-lambda"));
    command.env_clear().envs(moto.env());
    command.env("AGUI_TOKEN_SECRET_ID", "bench").env("AGUI_MODEL", "scripted/demo");
    Function::spawn(command).await.unwrap()
}

/// Sends a run to the function and returns the time until the first chunk of the response. The rest of the response is
/// read, too.
async fn first_event(function: &Function, run: &Value) -> Duration {
    let event = event(run);
    let sent_at = Instant::now();
    let mut response = function.invoke(&event).await.unwrap();
    assert_eq!(response.status(), 200);
    let first = response.next_chunk().await.unwrap();
    response.text().await;
    first.read_at - sent_at
}

/// Returns the input of a run whose user message is `text`.
fn input(text: &str) -> Value {
    json!({
        "threadId": "t", "runId": "r", "protocolVersion": "1.0",
        "messages": [{"id": "u1", "role": "user", "content": text}],
    })
}

/// Returns the event of a function URL for a request with this input and the shared token.
fn event(run: &Value) -> Value {
    event_of(run.to_string())
}

/// Returns the event of a function URL for a request with this body and the shared token.
fn event_of(body: String) -> Value {
    let request = http::Request::post("/").header("content-type", "application/json");
    let request = request.header("x-agui-token", TOKEN).body(body.into());
    EntryPoint::FunctionUrl.event(&request.expect("the header is plain"), None)
}

/// Returns a duration in milliseconds.
fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Prints a row of the table: the label, the least, the median and the greatest of the samples, and the limit that the
/// project promises, if any. The samples are sorted.
fn row(label: &str, samples: &mut [f64], limit: &str) {
    samples.sort_by(f64::total_cmp);
    let (min, median, max) = (samples[0], samples[samples.len() / 2], samples[samples.len() - 1]);
    println!("{label:<58} {min:>10.2} {median:>10.2} {max:>10.2}   {limit}");
}
