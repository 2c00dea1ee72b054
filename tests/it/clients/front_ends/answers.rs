//! Answers as CopilotKit's core sends them: beside `resume` there is a tool message that repeats the answer, under the
//! interrupted run's own id or a new one. Each call gets its real result once, and the thread continues.

use super::{CLIENTS, JSON, KEY, PLAIN, RestartableFunction, once_each};
use crate::support::client_run::run_client;
use crate::support::function::{dojo_function, test_function};
use crate::support::moto::Moto;

#[tokio::test]
async fn copilotkit_answers_run_approved_calls_once() {
    for client in CLIENTS {
        let table = format!("answers-{client}");
        Moto::shared().create_table(&table).await;
        let served = RestartableFunction::start(move || {
            let table = table.clone();
            async move {
                let moto = Moto::shared().env();
                let own = [JSON, ("AGUI_APPROVAL_TABLE", table.as_str())];
                dojo_function(&moto.iter().copied().chain(own).collect::<Vec<_>>()).await
            }
        })
        .await;

        run_client(client, "answers", &served.url(), &format!("answers-{client}")).await;

        let run = ["approve", "misfit", "silent", "restart", "pressagain", "presstwice", "sendtwice"];
        assert_eq!(
            served.count_lines_by_thread("refund made").await,
            once_each(&run, &["same", "new"]),
            "{client}"
        );
    }
}

#[tokio::test]
async fn edited_or_questioned_calls_run_once() {
    for client in CLIENTS {
        let served = RestartableFunction::start(|| test_function(&[JSON, KEY, PLAIN])).await;

        run_client(client, "answersToTools", &served.url(), &format!("answers-to-tools-{client}")).await;

        let bought = once_each(&["buy", "edit", "misedit"], &["same", "new"]);
        assert_eq!(served.count_lines_by_thread("tea bought").await, bought, "{client}");
        let expected = once_each(&["measure", "mismeasure"], &["same", "new", "old", "oldsame", "plain"]);
        assert_eq!(served.count_lines_by_thread("coat made").await, expected, "{client}");
    }
}

#[tokio::test]
async fn late_answers_run_nothing_and_the_thread_continues() {
    for (scenario, is_sent) in [("answersLate", "0"), ("answersExpired", "1")] {
        let started = async move || {
            dojo_function(&[JSON, ("AGUI_APPROVAL_TTL_S", "1"), ("AGUI_SEND_EXPIRES_AT", is_sent)]).await
        };
        let served = RestartableFunction::start(started).await;
        for client in CLIENTS {
            run_client(client, scenario, &served.url(), &format!("{scenario}-{client}")).await;
        }
        assert_eq!(served.count_lines_by_thread("refund made").await, once_each(&[], &[]), "{scenario}");
    }
}
