//! State, progress and rich results, through the function and both official clients.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::support::function::{TOKEN, says, test_function, url_event};
use crate::support::played::{played, url};

/// Long enough for any machine: only a test that fails takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn given_either_client_when_tools_share_and_show_then_both_sides_hold_the_same() {
    let function = Arc::new(test_function(&[]).await);
    let door = url(&function).await;
    for client in ["1.0", "0.0.59"] {
        for scenario in ["state", "progress", "parts", "prediction"] {
            played(client, scenario, &door.url(), &format!("shown-{client}-{scenario}")).await;
        }
    }
}

#[tokio::test]
async fn given_a_tool_that_returns_an_a2ui_payload_then_its_middleware_makes_a_surface_of_it() {
    let function = Arc::new(test_function(&[]).await);
    let door = url(&function).await;
    played("1.0", "surface", &door.url(), "shown-1.0-surface").await;
}

#[tokio::test]
async fn given_either_client_when_results_are_signed_and_messages_restated_then_it_keeps_them_as_they_are() {
    let key = [("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef")];
    let function = Arc::new(test_function(&key).await);
    let door = url(&function).await;
    for client in ["1.0", "0.0.59"] {
        played(client, "restated", &door.url(), &format!("shown-{client}-restated")).await;
    }
}

#[tokio::test]
async fn given_a_tool_that_is_still_at_work_then_the_client_has_read_what_it_said() {
    let function = test_function(&[]).await;
    // A raw socket, because the function speaks no HTTP to it: it waits until the connection is closed.
    let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let told = says(&format!("hold {}", gate.local_addr().unwrap()));
    let mut answer = function.invoke(&url_event(&[("x-agui-token", TOKEN)], &told)).await.unwrap();
    let mut text = String::new();

    let read = async {
        while !text.contains("STEP_STARTED") {
            text.push_str(std::str::from_utf8(&answer.next().await.unwrap().bytes).unwrap());
        }
    };
    timeout(PATIENCE, read).await.unwrap();
    let (held, _) = timeout(PATIENCE, gate.accept()).await.unwrap().unwrap();
    assert!(!text.contains("STEP_FINISHED"));
    drop(held);

    text.push_str(&timeout(PATIENCE, answer.text()).await.unwrap());
    let (step, result) = (text.find("STEP_FINISHED").unwrap(), text.find("TOOL_CALL_RESULT").unwrap());
    assert!(step < result, "{text}");
}
