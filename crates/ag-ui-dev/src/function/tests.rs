//! Tests of a function's process, with functions that are shell scripts.

use std::time::Duration;

use tokio::process::Command;

use super::Function;
use crate::FunctionError;

/// Starts a function that is a shell script.
async fn function(script: &str) -> Function {
    let mut command = Command::new("bash");
    command.args(["-c", script]).env("AWS_REGION", "eu-west-1");
    Function::spawn(command).await.unwrap()
}

/// The beginning of a shell script that polls for one event.
const POLL: &str = r#"exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}"
    printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: api\r\n\r\n' >&3
    read -r -u 3 line"#;
/// A limit that no test reaches.
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn error_of_a_process_that_exits_has_its_last_log_lines() {
    let function = function("echo starting in $AWS_REGION; echo $_HANDLER >&2; exit 3").await;
    let error = function.ready(LONG).await.unwrap_err().to_string();

    assert!(
        error.starts_with("function exited with status 3 before it asked for work; its log ends:"),
        "{error}"
    );
    assert!(error.contains("\n  starting in eu-west-1") && error.contains("\n  bootstrap"), "{error}");
    assert!(!function.is_running());
    assert_eq!((function.peak_memory_kib(), function.cpu_time()), (None, None));
}

#[tokio::test]
async fn caller_gets_an_error_when_the_process_exits() {
    let function = function(&format!("{POLL}\nexit 7")).await;
    assert!(function.ready(LONG).await.unwrap() < LONG);
    let error = function.invoke("{}").await.unwrap_err().to_string();

    assert_eq!(error, "function exited with status 7 before it answered; its log is empty");
}

#[tokio::test]
async fn process_that_never_polls_is_not_ready_and_can_be_killed() {
    let function = function("echo up; exec sleep 1000").await;
    let error = function.ready(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, FunctionError::NotReady { .. }));
    assert!(function.is_running() && function.pid() > 0);
    assert!(function.peak_memory_kib().unwrap() > 100);
    assert!(function.cpu_time().unwrap() > Duration::ZERO);

    function.kill().await;
    assert!(!function.is_running());
    assert_eq!(function.logs(), ["up"]);
}

#[tokio::test]
async fn init_error_of_a_function_is_the_error_of_ready() {
    let report = r#"{"errorType":"NoSecret","errorMessage":"x"}"#;
    let function = function(&format!(
        r#"exec 3<>"/dev/tcp/${{AWS_LAMBDA_RUNTIME_API/://}}"
        printf 'POST /2018-06-01/runtime/init/error HTTP/1.1\r\nhost: api\r\ncontent-length: {}\r\n\r\n{report}' >&3
        read -r -u 3 line; exit 1"#,
        report.len()
    ))
    .await;

    let error = function.ready(LONG).await.unwrap_err();
    assert_eq!(error.to_string(), "function failed to start: NoSecret: x");
}
