//! Answers as CopilotKit's core sends them: beside `resume` a tool message that repeats the answer, under the interrupted
//! run's own id and under a new one. Each call has its real result once, and the thread goes on.

use super::{CLIENTS, JSON, KEY, PLAIN, Served, once_each};
use crate::support::function::{dojo, test_function};
use crate::support::moto::Moto;
use crate::support::played::played;

#[tokio::test]
async fn given_either_client_when_copilotkit_answers_then_what_was_approved_runs_once() {
    for client in CLIENTS {
        let table = format!("answers-{client}");
        Moto::shared().create_table(&table).await;
        let served = Served::start(move || {
            let table = table.clone();
            async move {
                let moto = Moto::shared().env();
                let own = [JSON, ("AGUI_APPROVAL_TABLE", table.as_str())];
                dojo(&moto.iter().copied().chain(own).collect::<Vec<_>>()).await
            }
        })
        .await;

        played(client, "answers", &served.url(), &format!("answers-{client}")).await;

        let run = ["approve", "misfit", "silent", "restart", "pressagain", "presstwice", "sendtwice"];
        assert_eq!(served.lines_of("refund made").await, once_each(&run, &["same", "new"]), "{client}");
    }
}

#[tokio::test]
async fn given_either_client_when_arguments_are_edited_or_a_question_follows_then_what_was_meant_runs_once() {
    for client in CLIENTS {
        let served = Served::start(|| test_function(&[JSON, KEY, PLAIN])).await;

        played(client, "answersToTools", &served.url(), &format!("answers-to-tools-{client}")).await;

        let bought = once_each(&["buy", "edit", "misedit"], &["same", "new"]);
        assert_eq!(served.lines_of("tea bought").await, bought, "{client}");
        let made = once_each(&["measure", "mismeasure"], &["same", "new", "old", "oldsame", "plain"]);
        assert_eq!(served.lines_of("coat made").await, made, "{client}");
    }
}

#[tokio::test]
async fn given_either_client_when_an_answer_comes_late_then_nothing_runs_and_the_thread_goes_on() {
    for (scenario, is_sent) in [("answersLate", "0"), ("answersExpired", "1")] {
        let started = async move || {
            dojo(&[JSON, ("AGUI_APPROVAL_TTL_S", "1"), ("AGUI_SEND_EXPIRES_AT", is_sent)]).await
        };
        let served = Served::start(started).await;
        for client in CLIENTS {
            played(client, scenario, &served.url(), &format!("{scenario}-{client}")).await;
        }
        assert_eq!(served.lines_of("refund made").await, once_each(&[], &[]), "{scenario}");
    }
}
