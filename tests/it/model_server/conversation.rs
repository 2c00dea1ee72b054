//! The requests to the model: a history with example calls, which helps small models, and a question.

use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, url_event, user_input};

/// Cities that `get_weather` knows and that are not in the examples.
pub(super) const CITIES: [&str; 8] =
    ["Tokyo", "Paris", "Sydney", "Nairobi", "Mumbai", "Singapore", "Lisbon", "New York"];

/// Sends a run to the function and reads the response to its end.
pub(super) async fn ask(function: &Function, input: &Value) -> Reply {
    Reply::send(function, &url_event(&[("x-agui-token", TOKEN)], input)).await
}

/// Returns an input that asks for the weather of one city.
pub(super) fn one_city(city: &str) -> Value {
    let examples = ["Rome", "Berlin", "Madrid"].iter().map(|city| vec![*city]);
    with_examples(examples, &[city])
}

/// Returns an input that asks for the weather of two cities, with examples that make two calls in a turn.
pub(super) fn two_cities(cities: [&str; 2]) -> Value {
    let examples =
        [["Rome", "Madrid"], ["Berlin", "Rome"], ["London", "Berlin"]].map(|cities| cities.to_vec());
    with_examples(examples, &cities)
}

/// Returns an input with these examples and a question about these cities.
fn with_examples(examples: impl IntoIterator<Item = Vec<&'static str>>, cities: &[&str]) -> Value {
    let mut input = user_input("");
    let mut messages: Vec<Value> =
        examples.into_iter().enumerate().flat_map(|(number, cities)| example(number, &cities)).collect();
    messages.push(json!({ "id": "question", "role": "user", "content": question(cities) }));
    input["messages"] = messages.into();
    input
}

/// Returns the messages of an example: a question, a call for each city, the results and an answer.
fn example(number: usize, cities: &[&str]) -> Vec<Value> {
    let id = |kind: &str, place: usize| format!("{kind}-{number}-{place}");
    let places = || cities.iter().enumerate();
    let call = |(place, city): (usize, &&str)| {
        let arguments = json!({ "location": city }).to_string();
        json!({ "id": id("call", place), "type": "function", "function": { "name": "get_weather", "arguments": arguments } })
    };
    let result = |(place, city): (usize, &&str)| {
        let content = json!({ "city": city, "conditions": "Sunny", "temperature": 20 + place }).to_string();
        json!({ "id": id("result", place), "role": "tool", "toolCallId": id("call", place), "content": content })
    };
    let calls: Vec<Value> = places().map(call).collect();
    let mut messages = vec![
        json!({ "id": id("question", 0), "role": "user", "content": question(cities) }),
        json!({ "id": id("turn", 0), "role": "assistant", "toolCalls": calls }),
    ];
    messages.extend(places().map(result));
    let answer: Vec<String> =
        places().map(|(place, city)| format!("It is sunny in {city}, {} degrees.", 20 + place)).collect();
    messages.push(json!({ "id": id("answer", 0), "role": "assistant", "content": answer.join(" ") }));
    messages
}

/// Returns the question about the weather of these cities.
fn question(cities: &[&str]) -> String {
    format!("What is the weather in {}?", cities.join(" and in "))
}

/// Returns the events of a type.
pub(super) fn of<'a>(run: &'a Reply, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    run.events.iter().filter(move |event| event["type"] == kind)
}

/// Returns the text of the run.
pub(super) fn text(run: &Reply) -> String {
    of(run, "TEXT_MESSAGE_CONTENT").filter_map(|event| event["delta"].as_str()).collect()
}

/// Returns the tool results of the run.
pub(super) fn results(run: &Reply) -> Vec<&str> {
    of(run, "TOOL_CALL_RESULT").filter_map(|event| event["content"].as_str()).collect()
}

/// Returns how the run ended: the code of its error, or its outcome.
pub(super) fn ending(run: &Reply) -> &str {
    let last = run.events.last().unwrap_or(&Value::Null);
    last["code"].as_str().or(last["outcome"]["type"].as_str()).unwrap_or("without an end")
}
