//! The code in docs/front-ends.md is code that tests run: each block repeats a region of a file.
//!
//! The comment before a block names both: `<!-- examples/plain/page.js, region run -->`. In the file, the region is between the
//! comments `#region run` and `#endregion`.

use std::path::Path;

use structure::text;

const PAGE: &str = "docs/front-ends.md";
/// The languages of blocks that repeat no code: commands and settings.
const WITHOUT_SOURCE: [&str; 2] = ["sh", "mermaid"];

/// A block of code in a page.
#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    /// The file and the region in the comment before the block.
    source: Option<(&'a str, &'a str)>,
    language: &'a str,
    code: String,
}

/// Returns the blocks of code of a page, in its order.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut source = None;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { source: source.take(), language, code: without_indent(&code) });
        } else if !line.is_empty() {
            let comment = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
            source = comment.and_then(|comment| comment.split_once(", region "));
        }
    }
    blocks
}

/// Returns the lines of a region of a file; `None` if the file has no such region.
fn region(source: &str, name: &str) -> Option<String> {
    // The comment begins with `//` or with `#`.
    let mark = |line: &'_ str| line.trim().trim_start_matches(['/', '#', ' ']).to_owned();
    let start = format!("region {name}");
    let mut lines = source.lines().skip_while(|line| mark(line) != start);
    lines.next()?;
    let code: Vec<_> = lines.take_while(|line| mark(line) != "endregion").collect();
    Some(without_indent(&code))
}

/// Joins lines without the indent that all of them have, and without spaces at their ends.
fn without_indent(lines: &[&str]) -> String {
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let indent = filled.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines: Vec<_> = lines.iter().map(|line| line.get(indent..).unwrap_or("").trim_end()).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[test]
fn each_block_repeats_code_that_a_test_runs() {
    let page = text(Path::new(PAGE)).unwrap();
    let blocks = blocks(&page);
    assert!(blocks.len() > 5, "the page has blocks: {blocks:?}");
    for Block { source, language, code } in blocks {
        if WITHOUT_SOURCE.contains(&language) {
            continue;
        }
        let (file, name) =
            source.unwrap_or_else(|| panic!("no comment names the source of this block:\n{code}"));
        let source = text(Path::new(file)).unwrap_or_else(|| panic!("{file} does not exist"));
        let expected = region(&source, name).unwrap_or_else(|| panic!("{file} has no region {name}"));
        assert_eq!(code, expected, "{PAGE} is to repeat the region {name} of {file}");
    }
}

#[test]
fn blocks_and_regions_are_read_without_their_indent() {
    let page =
        "Text.\n\n<!-- a.js, region run -->\n\n```js\nif (a) {\n  b();\n}\n```\nText.\n```sh\nls\n```\n";
    let found = blocks(page);
    assert_eq!(found[0].source, Some(("a.js", "run")));
    assert_eq!((found[1].source, found[1].language), (None, "sh"));

    let source = "f();\n  // #region run\n  if (a) {\n    b();\n  }\n\n  // #endregion\ng();\n";
    assert_eq!(region(source, "run"), Some(found[0].code.clone()));
    assert_eq!(region("# region run\nx = 1\n# endregion\n", "run").as_deref(), Some("x = 1"));
    assert_eq!(region(source, "other"), None);
}
