//! Connections that break at each event of a run, both of a run with an interrupt and of the run that answers it.

use super::{CLIENTS, JSON, KEY, PLAIN, RestartableFunction};
use crate::support::client_run::record_client;
use crate::support::function::test_function;
use crate::support::moto::Moto;

#[tokio::test]
async fn thread_continues_after_a_cut_call_run() {
    for client in CLIENTS {
        let served = RestartableFunction::start(|| test_function(&[JSON, KEY, PLAIN])).await;

        record_client(client, "cutCalls", &served.url(), &format!("cut-calls-{client}")).await;

        assert!(served.count_lines_by_thread("tea bought").await.is_empty(), "nobody has approved anything");
    }
}

#[tokio::test]
async fn cut_answer_run_still_runs_the_tool_once() {
    for client in CLIENTS {
        let table = format!("cut-answers-{client}");
        Moto::shared().create_table(&table).await;
        let served = RestartableFunction::start(move || {
            let table = table.clone();
            async move {
                let moto = Moto::shared().env();
                let own = [JSON, KEY, PLAIN, ("AGUI_APPROVAL_TABLE", table.as_str())];
                test_function(&moto.iter().copied().chain(own).collect::<Vec<_>>()).await
            }
        })
        .await;

        record_client(client, "cutAnswers", &served.url(), &format!("cut-answers-{client}")).await;

        let bought = served.count_lines_by_thread("tea bought").await;
        // Six events, or seven with a snapshot. Each is cut in two ways and followed by two kinds of requests; both also run uncut.
        assert_eq!(bought.len(), (6 + 7) * 2 * 2 + 2, "{client}: {bought:?}");
        assert!(bought.values().all(|times| *times == 1), "{client}: {bought:?}");
    }
}
