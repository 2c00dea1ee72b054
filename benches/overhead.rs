//! The overhead card: what the whole process costs, measured from outside through the emulator.
//!
//! It measures the function binary with the scripted model and, for memory and the first request, with the
//! shared token in Secrets Manager as moto plays it; then each wire, with its provider as `dev` plays it. Figures are of this machine; nothing here fails.
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure should say where")]
#![expect(clippy::print_stdout, reason = "the card is printed")]

use std::time::{Duration, Instant};

use ag_ui_dev::provider::{Provider, Reply, Say, Wire};
use ag_ui_dev::{EntryPoint, Function};
use serde_json::{Value, json};
use test_support::moto::Moto;
use test_support::provider;
use tokio::process::Command;

const TOKEN: &str = "token-of-the-bench";
const STARTS: usize = 20;
const RUNS: usize = 100;
const WORDS: [usize; 2] = [200, 4200];
const DELTAS: [usize; 2] = [200, 2200];

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
    });
}

/// Spawn to the first `/next`; then the first request, which waits for the secret, and the memory after it.
async fn starts(moto: &Moto) {
    let mut start = Vec::new();
    let mut first = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..STARTS {
        let function = spawn(moto).await;
        start.push(millis(function.ready(Duration::from_secs(10)).await.unwrap()));
        first.push(millis(first_event(&function, &says("What is the weather in Tokyo?")).await));
        memory.push(function.peak_memory_kib().unwrap() as f64 / 1024.0);
        function.kill().await;
    }
    row("start: spawn to first /next, ms", &mut start, "10 (median)");
    row("first event of the first request, ms", &mut first, "");
    row("memory after a run (VmHWM), MiB", &mut memory, "20");
}

/// A warm request to its first event.
async fn runs(moto: &Moto) {
    let function = spawn(moto).await;
    let mut warm = Vec::new();
    for _ in 0..RUNS {
        warm.push(millis(first_event(&function, &says("What is the weather in Tokyo?")).await));
    }
    row("first event of a warm request, ms", &mut warm[1..], "");
}

/// CPU time of the function for each event, from the difference of a long and a short run.
async fn events(moto: &Moto) {
    let function = spawn(moto).await;
    first_event(&function, &says("Hello")).await;
    let mut costs = Vec::new();
    for _ in 0..5 {
        let mut measured = Vec::new();
        for words in WORDS {
            let text = "word ".repeat(words);
            let before = function.cpu_time().unwrap();
            let mut answer = function.invoke(&event(&says(&text))).await.unwrap();
            let events = answer.text().await.matches("\n\n").count();
            measured.push((events as f64, (function.cpu_time().unwrap() - before).as_secs_f64() * 1e6));
        }
        let [(few, short), (many, long)] = measured[..] else { unreachable!("two runs are measured") };
        costs.push((long - short) / (many - few));
    }
    row("CPU of an event, whole process, µs", &mut costs, "30");
}

/// CPU time of the function for each delta of a wire, from the provider's bytes to the client's: the model layer and
/// the event that comes of it.
async fn deltas(wire: Wire) {
    let provider = Provider::start().await.unwrap();
    let function = at_provider(wire, &provider.url()).await;
    let text = |pieces: usize| vec![vec![Say::text("word "); pieces]];
    // One call, in pieces as small as models make them.
    let arguments = |pieces: usize| {
        let digits = std::iter::repeat_n("12345", pieces - 2);
        let pieces = ["{\"location\":\""].into_iter().chain(digits).chain(["\"}"]);
        vec![vec![Say::call("call_1", "get_weather", pieces)], vec![Say::text("Done.")]]
    };
    let turns: [(&str, Turns<'_>); 2] = [("text", &text), ("arguments", &arguments)];
    for (kind, turns) in turns {
        if kind == "arguments" && matches!(wire, Wire::Gemini | Wire::Ollama) {
            continue; // they come in one piece
        }
        let mut costs = Vec::new();
        for _ in 0..5 {
            let mut measured = Vec::new();
            for pieces in DELTAS {
                provider.reply(turns(pieces).iter().map(|turn| Reply::stream(wire, turn)));
                let before = function.cpu_time().unwrap();
                let mut answer = function.invoke(&event(&says("Hello"))).await.unwrap();
                assert!(answer.text().await.contains("RUN_FINISHED"));
                measured.push((function.cpu_time().unwrap() - before).as_secs_f64() * 1e6);
            }
            costs.push((measured[1] - measured[0]) / (DELTAS[1] - DELTAS[0]) as f64);
        }
        row(&format!("CPU of a delta and its event, {wire:?} {kind}, µs"), &mut costs, "40");
    }
}

/// The turns of a run in which something comes in so many pieces.
type Turns<'a> = &'a dyn Fn(usize) -> Vec<Vec<Say>>;

async fn at_provider(wire: Wire, url: &str) -> Function {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ag-ui-lambda"));
    command.env_clear().env("AGUI_LOCAL", "1").env("AGUI_TOKEN", TOKEN);
    command.envs(provider::variables(wire, url));
    let function = Function::spawn(command).await.unwrap();
    function.ready(Duration::from_secs(10)).await.unwrap();
    function
}

async fn spawn(moto: &Moto) -> Function {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ag-ui-lambda"));
    command.env_clear().envs(moto.env());
    command.env("AGUI_TOKEN_SECRET_ID", "bench").env("AGUI_MODEL", "scripted/demo");
    Function::spawn(command).await.unwrap()
}

/// Time from sending an event to its first frame; the rest is read too.
async fn first_event(function: &Function, input: &Value) -> Duration {
    let event = event(input);
    let sent = Instant::now();
    let mut answer = function.invoke(&event).await.unwrap();
    assert_eq!(answer.status(), 200);
    let first = answer.next().await.unwrap();
    answer.text().await;
    first.at - sent
}

fn says(text: &str) -> Value {
    json!({
        "threadId": "t", "runId": "r", "protocolVersion": "1.0",
        "messages": [{"id": "u1", "role": "user", "content": text}],
    })
}

fn event(input: &Value) -> Value {
    let request = http::Request::post("/").header("content-type", "application/json");
    let request = request.header("x-agui-token", TOKEN).body(input.to_string().into());
    EntryPoint::FunctionUrl.event(&request.expect("the header is plain"), None)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn row(what: &str, samples: &mut [f64], limit: &str) {
    samples.sort_by(f64::total_cmp);
    let (min, median, max) = (samples[0], samples[samples.len() / 2], samples[samples.len() - 1]);
    println!("{what:<58} {min:>10.2} {median:>10.2} {max:>10.2}   {limit}");
}
