//! What the script says of a tool's result: words that a person can read, also where the result is JSON.

use serde_json::Value;

use super::json_text::read_json;

/// Returns what the script says of the result of a call of the tool `name`, with a space behind it. `text` is the result
/// as the model reads it.
pub(super) fn describe(name: &str, text: &str) -> String {
    let Ok(value) = read_json(text) else { return format!("{name} answered: {text} ") };
    if name == "get_weather"
        && let Some(city) = value["city"].as_str()
    {
        let conditions = value["conditions"].as_str().unwrap_or_default();
        return format!("{city}: {} °C, {conditions}. ", value["temperature"]);
    }
    if value.get("a2ui_operations").is_some() {
        return "Here is what I found. ".to_owned();
    }
    let words = match value["error"].as_str() {
        Some(sentence) => sentence.to_owned(),
        None => in_words(&value),
    };
    let end = if words.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{name} answered: {words}{end} ")
}

/// Returns a JSON value in words: the members of an object with their names, and the items of a list, both with commas
/// between them.
fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        // A number without a fraction is written without `.0`.
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => join(items.iter().map(nested_in_words)),
        Value::Object(members) if members.is_empty() => "nothing".to_owned(),
        Value::Object(members) => join(
            members
                .iter()
                .map(|(name, value)| format!("{} {}", name.replace('_', " "), nested_in_words(value))),
        ),
    }
}

/// Returns a value that is a part of another one in words. The members of an object are put into parentheses.
fn nested_in_words(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => format!("({})", in_words(value)),
        _ => in_words(value),
    }
}

/// Joins texts with commas between them.
fn join(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn results_are_described_in_words() {
        for (name, result, words) in [
            ("greet", "Good day!", "greet answered: Good day! "),
            (
                "refund_order",
                r#"{"amount": 20.0, "order_id": "1234", "status": "refunded"}"#,
                "refund_order answered: amount 20, order id 1234, status refunded. ",
            ),
            ("ask", r#"{"error": "The user gave no answer."}"#, "ask answered: The user gave no answer. "),
            (
                "plan",
                r#"{"accepted": true, "steps": [{"is_done": false, "n": 1}, {"n": 2.5}]}"#,
                "plan answered: accepted yes, steps (is done no, n 1), (n 2.5). ",
            ),
            ("list", r#"["a", {}, []]"#, "list answered: a, nothing, none. "),
            ("count", "3", "count answered: 3. "),
            ("say", r#""Done!""#, "say answered: Done! "),
            (
                "get_weather",
                r#"{"city": "Tokyo", "temperature": 22, "conditions": "Rain"}"#,
                "Tokyo: 22 °C, Rain. ",
            ),
            ("get_weather", r#"{"error": "Nobody knows."}"#, "get_weather answered: Nobody knows. "),
            ("find", r#"{"a2ui_operations": []}"#, "Here is what I found. "),
        ] {
            assert_eq!(describe(name, result), words, "{result}");
        }
    }
}
