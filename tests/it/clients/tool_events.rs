//! State, progress and rich results, through the function and both official clients.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::support::client_run::{run_client, serve_url};
use crate::support::function::{TOKEN, test_function, url_event, user_input};

/// Long enough for any machine: only a failing test takes this long.
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn client_and_server_hold_the_same_state() {
    let function = Arc::new(test_function(&[]).await);
    let function_url = serve_url(&function).await;
    for client in ["1.0", "0.0.59"] {
        for scenario in ["state", "progress", "parts", "prediction"] {
            run_client(client, scenario, &function_url.url(), &format!("shown-{client}-{scenario}")).await;
        }
    }
}

#[tokio::test]
async fn a2ui_payload_becomes_a_surface() {
    let function = Arc::new(test_function(&[]).await);
    let function_url = serve_url(&function).await;
    run_client("1.0", "surface", &function_url.url(), "shown-1.0-surface").await;
}

#[tokio::test]
async fn clients_keep_signed_results_and_snapshots_unchanged() {
    let key = [("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef")];
    let function = Arc::new(test_function(&key).await);
    let function_url = serve_url(&function).await;
    for client in ["1.0", "0.0.59"] {
        run_client(client, "restated", &function_url.url(), &format!("shown-{client}-restated")).await;
    }
}

#[tokio::test]
async fn client_reads_tool_events_before_the_result() {
    let function = test_function(&[]).await;
    // A raw socket, because no HTTP is involved: the function waits until the connection is closed.
    let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let input = user_input(&format!("hold {}", gate.local_addr().unwrap()));
    let mut answer = function.invoke(&url_event(&[("x-agui-token", TOKEN)], &input)).await.unwrap();
    let mut text = String::new();

    let read = async {
        while !text.contains("STEP_STARTED") {
            text.push_str(std::str::from_utf8(&answer.next_chunk().await.unwrap().bytes).unwrap());
        }
    };
    timeout(TIMEOUT, read).await.unwrap();
    let (held, _) = timeout(TIMEOUT, gate.accept()).await.unwrap().unwrap();
    assert!(!text.contains("STEP_FINISHED"));
    drop(held);

    text.push_str(&timeout(TIMEOUT, answer.text()).await.unwrap());
    let (step, result) = (text.find("STEP_FINISHED").unwrap(), text.find("TOOL_CALL_RESULT").unwrap());
    assert!(step < result, "{text}");
}
