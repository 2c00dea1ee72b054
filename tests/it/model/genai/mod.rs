//! A comparison with genai, another client library, whose authors test it against the real services.
//!
//! genai and our own wires both read every recorded stream and a set of ordinary turns.
//! If they read something different, [`differences`] must say which one is right, and why.

mod differences;
mod ours;
mod outline;
mod program;
mod streams;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ag_ui_dev::provider::Provider;
use futures_util::future::join_all;
use serde_json::Value;

use differences::Difference;
use outline::Outline;
use streams::Stream;

#[tokio::test]
async fn genai_reads_the_same_except_listed_differences() {
    let streams = streams::all();
    let names: BTreeSet<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    assert_eq!(names.len(), streams.len(), "two streams have one name");
    let pairs = read(&streams).await;

    let mut table: BTreeMap<&str, &Difference> = BTreeMap::new();
    for difference in differences::all() {
        for stream in difference.streams {
            assert!(names.contains(stream), "{stream} is in the table and is no stream");
            assert!(table.insert(stream, difference).is_none(), "{stream} is in the table twice");
        }
    }
    let mut faults = Vec::new();
    for (stream, (genai, ours)) in streams.iter().zip(&pairs) {
        let found = genai.differs_from(ours);
        let row = table.get(stream.name.as_str());
        let listed = row.map(|difference| difference.values());
        if found != listed {
            let mut fault = format!(
                "{}\n  found: {}\n  table: {}",
                stream.name,
                format_values(&found),
                format_values(&listed)
            );
            if let Some(Difference { right, why, .. }) = row {
                write!(fault, "\n  right: {right:?}. {why}").unwrap();
            }
            faults.push(fault);
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Reads each stream with genai and with our wires.
async fn read(streams: &[Stream]) -> Vec<(Outline, Outline)> {
    let providers = join_all(streams.iter().map(|stream| async {
        let provider = Provider::start().await.unwrap();
        provider.reply_always(stream.reply.clone());
        provider
    }));
    let providers = providers.await;
    let served: Vec<(&str, String)> =
        streams.iter().zip(&providers).map(|(stream, provider)| (stream.adapter, provider.url())).collect();
    let genai = program::read(&served).await;
    let ours = join_all(served.iter().map(|(adapter, url)| ours::read(adapter, url))).await;
    assert_eq!((genai.len(), ours.len()), (streams.len(), streams.len()));
    genai.into_iter().zip(ours).collect()
}

/// Formats what both readers have read.
fn format_values(values: &Option<(Value, Value)>) -> String {
    match values {
        Some((genai, ours)) => format!("genai {genai}, ours {ours}"),
        None => "no difference".to_owned(),
    }
}
