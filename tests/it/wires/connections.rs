//! Connections to the provider: opened while the function starts, and used again.

use ag_ui_dev::provider::{Provider, Reply};

use super::{WIRES, answering, asking, function};
use crate::support::function::{TOKEN, ask};

#[tokio::test]
async fn given_a_warm_function_when_it_runs_again_then_it_opens_no_new_connection() {
    for wire in WIRES {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, &[]).await;
        provider.has_been_probed(1).await;
        let mut opened = Vec::new();

        for run in 1..=6 {
            let turns = [asking(wire, run), answering(run)];
            provider.reply(turns.iter().map(|turn| Reply::stream(wire, turn)));
            let reply = ask(&function, TOKEN).await;

            assert_eq!(reply.events.last().unwrap()["type"], "RUN_FINISHED", "{wire:?}: {}", reply.text);
            assert_eq!(provider.asked().len(), 2 * run, "{wire:?}");
            opened.push(provider.connections());
        }

        // The first request may overtake the probe's answer; then it opens a second one.
        assert!(opened[0] <= 2 && opened.iter().all(|count| *count == opened[0]), "{wire:?}: {opened:?}");
    }
}
