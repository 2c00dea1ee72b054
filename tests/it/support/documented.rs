//! Reads the tables of the documentation whose cells tests compare with what a function does.

use std::fs;
use std::path::Path;

/// Returns the rows of the table with this head in a page of `docs/`, each as the text of its first cell and its other cells.
pub(crate) fn rows<const OTHERS: usize>(page: &str, head: &str) -> Vec<(String, [String; OTHERS])> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().skip_while(|line| *line != head).skip(2);
    let rows: Vec<_> = lines
        .map_while(|line| {
            let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(ToOwned::to_owned);
            let first = cells.next()?;
            let others = cells.collect::<Vec<String>>().try_into();
            Some((first, others.expect("a row has as many cells as the head")))
        })
        .collect();
    assert!(!rows.is_empty(), "docs/{page} has no table with the head {head}");
    rows
}
