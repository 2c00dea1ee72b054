//! A second reader of the providers' streams: genai, which its authors try against the real services.
//!
//! Every recorded stream and a set of ordinary turns are read by genai and by [`Hosted`](ag_ui_lambda::model::Hosted).
//! Where the two understand something else, [`differences`] says who is right, and why.

mod differences;
mod genai;
mod ours;
mod outline;
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
async fn genai_reads_the_same_as_our_wires_but_where_the_table_says_why_not() {
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
        let told = row.map(|difference| difference.values());
        if found != told {
            let mut fault = format!("{}\n  found: {}\n  table: {}", stream.name, shown(&found), shown(&told));
            if let Some(Difference { right, why, .. }) = row {
                write!(fault, "\n  right: {right:?}. {why}").unwrap();
            }
            faults.push(fault);
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// What genai and our wires understand of each stream.
async fn read(streams: &[Stream]) -> Vec<(Outline, Outline)> {
    let providers = join_all(streams.iter().map(|stream| async {
        let provider = Provider::start().await.unwrap();
        provider.always(stream.reply.clone());
        provider
    }));
    let providers = providers.await;
    let served: Vec<(&str, String)> =
        streams.iter().zip(&providers).map(|(stream, provider)| (stream.adapter, provider.url())).collect();
    let genai = genai::read(&served).await;
    let ours = join_all(served.iter().map(|(adapter, url)| ours::read(adapter, url))).await;
    assert_eq!((genai.len(), ours.len()), (streams.len(), streams.len()));
    genai.into_iter().zip(ours).collect()
}

fn shown(values: &Option<(Value, Value)>) -> String {
    match values {
        Some((genai, ours)) => format!("genai {genai}, ours {ours}"),
        None => "no difference".to_owned(),
    }
}
