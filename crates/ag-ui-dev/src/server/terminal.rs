//! What the server prints to the terminal: a welcome, and the lines of the function's log with time and colour.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;

use serde_json::Value;

use super::settings::Settings;
use super::shell::shell_word;

/// Members of a log line that are not printed: those of no use at a terminal, and those that the line begins with.
const HIDDEN: [&str; 9] = [
    "timestamp",
    "level",
    "message",
    "service",
    "request_id",
    "xray_trace_id",
    "cold_start",
    "_aws",
    "server",
];

/// A short input of a run, for the curl command of the welcome.
const INPUT: &str = r#"{"threadId":"t1","runId":"r1","messages":[{"id":"m1","role":"user","content":"Hello! What can you do for me?"}],"tools":[],"context":[]}"#;

/// Prints, when the server has started, what is served and how to try it. `page` is the URL of the page with its key.
pub(super) fn print_welcome(settings: &Settings, address: SocketAddr, page: &str) {
    let Settings { name, model, token_header, secrets, token_secret, .. } = settings;
    let model_note =
        if model.starts_with("scripted/") { ", which is a script and not a language model" } else { "" };
    // A server with a Secrets Manager of its own knows the token.
    let token = match token_secret {
        _ if !settings.has_shared_token => {
            let key = shell_word(&format!("x-agui-dev-key: {}", secrets.token));
            format!(
                "JWT    send the JWT of a user as `Authorization: Bearer`. One of the local issuer, for an hour:\n       \
                 curl http://{address}/_dev/token -H {key} -d '{{\"person\":\"amelie\"}}'\n"
            )
        }
        Some(id) if !settings.has_faults => {
            format!("Token  {token_header}: the token in the secret {id}\n")
        }
        _ => {
            let header = shell_word(&format!("{token_header}: {}", secrets.token));
            format!(
                "Token  {token_header}: {}\n\
                 Try    curl -N http://{address}/ -H {header} -H 'content-type: application/json' \\\n       \
                 -d '{INPUT}'\n\
                 As     add -H 'x-agui-dev-as: amelie' to call as a person with claims\n",
                secrets.token
            )
        }
    };
    print(&format!(
        "\n{name} serves itself on this machine, with the model {model}{model_note}.\n\nPage   {page}\n{token}\n"
    ));
}

/// Prints a line of the function's log, formatted for people, in colour if standard output is a terminal. The log calls
/// this for each line if it prints to the terminal.
pub(super) fn print_line(line: &Value) {
    print(&format!("{}\n", format_line(line, io::stdout().is_terminal())));
}

/// Prints a text to standard output. If that fails, the failure is ignored, since the server works without a terminal.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Formats a line of the log for people: time, level, message and fields. A line without a level is only its message.
///
/// Fields hold what clients have sent, so control characters in them are escaped before they reach the terminal.
fn format_line(line: &Value, has_colour: bool) -> String {
    let colour = |code: &str, text: &str| match has_colour {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let member = |name: &str| line.get(name).and_then(Value::as_str);
    if let Some(text) = member("server") {
        return colour("36", text);
    }
    let message = member("message").unwrap_or_default();
    let Some(level) = member("level") else { return message.to_owned() };
    // 2026-11-23T09:31:45.123456Z
    let time = member("timestamp").and_then(|time| time.get(11..23)).unwrap_or_default();
    let code = match level {
        "ERROR" => "31",
        "WARN" => "33",
        "INFO" => "32",
        _ => "2",
    };
    let mut text = format!("{} {} {message}", colour("2", time), colour(code, &format!("{level:5}")));
    for (name, value) in line.as_object().into_iter().flatten() {
        // Members whose names begin with a capital letter are metrics, which repeat the values of other members.
        if HIDDEN.contains(&name.as_str()) || name.starts_with(|c: char| c.is_ascii_uppercase()) {
            continue;
        }
        let value = match value {
            Value::String(text) => escape_control_chars(text),
            Value::Number(number) => number
                .as_f64()
                .filter(|_| number.is_f64())
                .map_or_else(|| number.to_string(), |number| format!("{number:.1}")),
            other => other.to_string(),
        };
        let _ = write!(text, " {}{value}", colour("2", &format!("{name}=")));
    }
    text
}

/// Replaces the control characters of a text by escapes, so that a client's text cannot control the terminal.
fn escape_control_chars(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn line_has_time_level_message_and_rounded_numbers() {
        let line = json!({
            "timestamp": "2026-11-23T09:31:45.123456Z", "level": "INFO", "message": "run finished", "service": "x",
            "request_id": "r", "run_id": "run-1", "duration_ms": 12.345678, "turns": 2, "Duration": 12.3, "_aws": {},
        });

        assert_eq!(
            format_line(&line, false),
            "09:31:45.123 INFO  run finished duration_ms=12.3 run_id=run-1 turns=2"
        );
        assert!(format_line(&line, true).contains("\x1b[32mINFO \x1b[0m"));
    }

    #[test]
    fn control_characters_of_a_field_are_escaped() {
        let line = json!({ "timestamp": "2026-11-23T09:31:45.123456Z", "level": "INFO", "message": "m", "run_id": "\u{1b}]0;x\nERROR" });

        assert_eq!(format_line(&line, false), r"09:31:45.123 INFO  m run_id=\u{1b}]0;x\nERROR");
    }

    #[test]
    fn line_without_a_level_is_printed_unchanged() {
        assert_eq!(
            format_line(&json!({ "message": "[src/main.rs:7:5] x = 1" }), true),
            "[src/main.rs:7:5] x = 1"
        );
    }
}
