//! Connections that break, at each event of a run that makes a call which waits, and of one that carries its answer out.

use super::{CLIENTS, JSON, KEY, PLAIN, Served};
use crate::support::function::test_function;
use crate::support::moto::Moto;
use crate::support::played::play;

#[tokio::test]
async fn given_either_client_when_the_run_of_a_call_is_cut_anywhere_then_the_next_message_is_answered() {
    for client in CLIENTS {
        let served = Served::start(|| test_function(&[JSON, KEY, PLAIN])).await;

        play(client, "cutCalls", &served.url(), &format!("cut-calls-{client}")).await;

        assert!(served.lines_of("tea bought").await.is_empty(), "nobody has approved anything");
    }
}

#[tokio::test]
async fn given_either_client_when_the_run_of_an_answer_is_cut_anywhere_then_the_tool_has_run_once() {
    for client in CLIENTS {
        let table = format!("cut-answers-{client}");
        Moto::shared().create_table(&table).await;
        let served = Served::start(move || {
            let table = table.clone();
            async move {
                let moto = Moto::shared().env();
                let own = [JSON, KEY, PLAIN, ("AGUI_APPROVAL_TABLE", table.as_str())];
                test_function(&moto.iter().copied().chain(own).collect::<Vec<_>>()).await
            }
        })
        .await;

        play(client, "cutAnswers", &served.url(), &format!("cut-answers-{client}")).await;

        let bought = served.lines_of("tea bought").await;
        // Six events, or seven with a snapshot; each cut in two ways, and followed by two things; and both uncut.
        assert_eq!(bought.len(), (6 + 7) * 2 * 2 + 2, "{client}: {bought:?}");
        assert!(bought.values().all(|times| *times == 1), "{client}: {bought:?}");
    }
}
