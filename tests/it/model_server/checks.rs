//! The checks for each wire. Each check starts its own function.

use std::env;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value;

use super::conversation::{CITIES, ask, ending, of, one_city, results, text, two_cities};
use super::cut_proxy::CutProxy;
use super::report::Outcome;
use super::server::{Server, Wire};
use crate::support::function::{Function, Reply, user_input};
use crate::support::log;

type Check = for<'a> fn(&'a Server, Wire) -> BoxFuture<'a, Outcome>;

/// The checks with their names, in the order in which they run.
pub(super) const ALL: [(&str, Check); 8] = [
    ("text", |server, wire| answers(server, wire).boxed()),
    ("one call", |server, wire| one_call(server, wire).boxed()),
    ("parallel calls", |server, wire| parallel_calls(server, wire).boxed()),
    ("limit in a text", |server, wire| limit_in_a_text(server, wire).boxed()),
    ("limit in a call", |server, wire| limit_in_a_call(server, wire).boxed()),
    ("cut connection", |server, wire| cut(server, wire).boxed()),
    ("too long", |server, wire| too_long(server, wire).boxed()),
    ("tool runs", |server, wire| tool_runs(server, wire).boxed()),
];

/// How often a request is repeated while the model makes no call.
const TRIES: usize = 3;

/// The number of tool runs, unless `AGUI_TEST_RUNS` sets another.
const RUNS: usize = 40;

/// Token limits, one of which should truncate a call.
const LIMITS: [usize; 16] = [12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45, 48, 52, 56, 60];

/// The number of words of a conversation that is too long for any model: more than a million tokens.
const WORDS: usize = 1_200_000;

/// Checks that a question gets a text.
async fn answers(server: &Server, wire: Wire) -> Outcome {
    let function = server.function(wire, &[("AGUI_MODEL_TOOL_CHOICE", "none")]).await;
    let run = ask(&function, &user_input("Say hello to me.")).await;
    let pieces = of(&run, "TEXT_MESSAGE_CONTENT").count();
    match ending(&run) {
        "success" if pieces > 0 => Outcome::passed(format!("{pieces} pieces of text")),
        "success" => Outcome::failed("no text came"),
        _ => Outcome::Failed(ended(&run, &function)),
    }
}

/// Checks that a call runs and its result is used.
async fn one_call(server: &Server, wire: Wire) -> Outcome {
    let function = server.function(wire, &[]).await;
    for city in &CITIES[..TRIES] {
        let run = ask(&function, &one_city(city)).await;
        match fault(&run, &function) {
            Some(fault) => return Outcome::Failed(fault),
            None if results(&run).is_empty() => {}
            None => return Outcome::passed(summary(&run)),
        }
    }
    no_call(TRIES)
}

/// Checks that two calls of one turn both run.
async fn parallel_calls(server: &Server, wire: Wire) -> Outcome {
    let function = server.function(wire, &[]).await;
    let mut calls = 0;
    for cities in CITIES.windows(2).take(TRIES) {
        let run = ask(&function, &two_cities([cities[0], cities[1]])).await;
        if let Some(fault) = fault(&run, &function) {
            return Outcome::Failed(fault);
        }
        calls += results(&run).len();
        if turns(&run).iter().any(|calls| calls.len() > 1) {
            return Outcome::passed(summary(&run));
        }
    }
    match calls {
        0 => no_call(TRIES),
        calls => Outcome::NotTried(format!("the model made {calls} calls, and no two in one turn")),
    }
}

/// Returns the outcome of a model that made no call.
fn no_call(runs: usize) -> Outcome {
    Outcome::NotTried(format!("the model made no call in {runs} runs; try AGUI_MODEL_TOOL_CHOICE=required"))
}

/// Describes a run with an unexpected ending, with the reason from the log.
fn ended(run: &Reply, function: &Function) -> String {
    let logs = function.logs();
    let mut causes = logs.iter().rev().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["cause"].as_str().map(ToOwned::to_owned)
    });
    let cause = causes.next().map_or_else(String::new, |cause| format!(": {cause}"));
    format!("the run ended as {}{cause}", ending(run))
}

/// Returns the calls of each turn that has any, as names and arguments.
fn turns(run: &Reply) -> Vec<Vec<String>> {
    let mut turns: Vec<(&Value, Vec<String>)> = Vec::new();
    for start in of(run, "TOOL_CALL_START") {
        let pieces = of(run, "TOOL_CALL_ARGS").filter(|event| event["toolCallId"] == start["toolCallId"]);
        let arguments: String = pieces.filter_map(|event| event["delta"].as_str()).collect();
        let call = format!("{} {arguments}", start["toolCallName"]);
        match turns.iter_mut().find(|(message, _)| *message == &start["parentMessageId"]) {
            Some((_, calls)) => calls.push(call),
            None => turns.push((&start["parentMessageId"], vec![call])),
        }
    }
    turns.into_iter().map(|(_, calls)| calls).collect()
}

/// Returns what is wrong with a tool run; `None` if nothing is.
fn fault(run: &Reply, function: &Function) -> Option<String> {
    let (begun, answered) = (of(run, "TOOL_CALL_START").count(), results(run).len());
    let is_twice = |calls: &Vec<String>| (1..calls.len()).any(|at| calls[..at].contains(&calls[at]));
    if ending(run) != "success" {
        Some(ended(run, function))
    } else if begun != answered {
        Some(format!("{begun} calls, {answered} results"))
    } else if turns(run).iter().any(is_twice) {
        Some("a turn made the same call twice".to_owned())
    } else if text(run).is_empty() && begun > 0 {
        Some("no text came behind the results".to_owned())
    } else {
        None
    }
}

/// Summarizes a run: its calls by turn, its results and its text.
fn summary(run: &Reply) -> String {
    let turns = turns(run);
    let calls: Vec<String> = turns.iter().map(|calls| calls.len().to_string()).collect();
    format!(
        "calls by turn: {}; {} results, {} bytes of text",
        calls.join(" + "),
        results(run).len(),
        text(run).len()
    )
}

/// Checks that a text that the limit truncates is recognized as truncated.
async fn limit_in_a_text(server: &Server, wire: Wire) -> Outcome {
    let more = [("AGUI_MODEL_MAX_TOKENS", "16"), ("AGUI_MODEL_TOOL_CHOICE", "none")];
    let function = server.function(wire, &more).await;
    let run = ask(&function, &user_input("Tell me a long story about the sea.")).await;
    if ending(&run) != "success" || text(&run).is_empty() {
        return Outcome::failed(format!("{} bytes of text; {}", text(&run).len(), ended(&run, &function)));
    }
    let lines = log::lines(&function).await;
    match log::with_message(&lines, "model's turn was cut short").len() {
        0 => Outcome::failed("the log does not say that the turn was cut short"),
        _ => Outcome::passed(format!("{} bytes of text, cut short in the log", text(&run).len())),
    }
}

/// Looks for a limit that truncates the arguments of a call.
async fn limit_in_a_call(server: &Server, wire: Wire) -> Outcome {
    for limit in LIMITS {
        let limit = limit.to_string();
        let more = [("AGUI_MODEL_MAX_TOKENS", limit.as_str()), ("AGUI_MAX_TURNS", "2")];
        let function = server.function(wire, &more).await;
        let run = ask(&function, &one_city("Tokyo")).await;
        let results = results(&run);
        if results.iter().any(|result| result.contains("cut off before their end")) {
            return Outcome::passed(format!("cut at {limit} tokens, and not made"));
        }
        if let Some(other) = results.iter().find(|result| result.contains("not valid JSON")) {
            return Outcome::failed(format!("at {limit} tokens the call was answered {other}"));
        }
        if !results.is_empty() {
            return Outcome::NotTried(format!(
                "whole at {limit} tokens, and no lower limit cut its arguments"
            ));
        }
    }
    no_call(LIMITS.len())
}

/// Checks that a closed connection ends the run with its code.
async fn cut(server: &Server, wire: Wire) -> Outcome {
    let proxy = CutProxy::before(server.url(wire)).await;
    let function = server.function_at(wire, &proxy.url, &[("AGUI_MODEL_TOOL_CHOICE", "none")]).await;
    let run = ask(&function, &user_input("Tell me a long story about the sea.")).await;
    match (ending(&run), proxy.turns()) {
        ("MODEL_STREAM_CUT", 1) => {
            Outcome::passed(format!("MODEL_STREAM_CUT behind {} bytes", text(&run).len()))
        }
        ("MODEL_STREAM_CUT", turns) => Outcome::failed(format!("the turn was asked for {turns} times")),
        ("success", _) => Outcome::NotTried("the answer was over before it was cut".to_owned()),
        _ => Outcome::Failed(ended(&run, &function)),
    }
}

/// Checks that a conversation that is too long ends the run with its code.
async fn too_long(server: &Server, wire: Wire) -> Outcome {
    let function = server.function(wire, &[]).await;
    let run = ask(&function, &user_input(&"a ".repeat(WORDS))).await;
    match ending(&run) {
        "CONTEXT_TOO_LONG" => Outcome::passed("CONTEXT_TOO_LONG"),
        _ => Outcome::Failed(ended(&run, &function)),
    }
}

/// Runs one function many times. No run may lose its connection to the server.
async fn tool_runs(server: &Server, wire: Wire) -> Outcome {
    let wanted = env::var("AGUI_TEST_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let function = server.function(wire, &[]).await;
    let (mut runs, mut with_calls) = (0, 0);
    while with_calls < wanted && runs < wanted + TRIES {
        let run = ask(&function, &one_city(CITIES[runs % CITIES.len()])).await;
        if let Some(fault) = fault(&run, &function) {
            return Outcome::failed(format!("run {}: {fault}", runs + 1));
        }
        runs += 1;
        with_calls += usize::from(!results(&run).is_empty());
    }
    let lines = log::lines(&function).await;
    if log::with_message(&lines, "run finished").len() != runs {
        return Outcome::failed("the log does not have a line for each run");
    }
    let failed = log::with_message(&lines, "the model failed before it began its turn").len();
    match failed {
        0 if with_calls >= wanted => {
            Outcome::passed(format!("{runs} runs, and no turn failed before it began"))
        }
        0 => Outcome::NotTried(format!("only {with_calls} of {runs} runs made a call")),
        failed => Outcome::failed(format!("{failed} turns in {runs} runs failed before they began")),
    }
}
