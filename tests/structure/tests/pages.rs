//! The lists of pages, llms.txt for programs and docs/README.md for people, have every page, in the same three groups.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::path::{Path, PathBuf};

use structure::{files, root, text};

/// The lists, each with the folder that its links begin at.
const LISTS: [(&str, &str); 2] = [("llms.txt", ""), ("docs/README.md", "docs")];
const GROUPS: [&str; 3] = ["## Start", "## Guides", "## Reference"];

/// Returns the relative addresses that a text links to, without what is behind `#`.
fn links(text: &str) -> Vec<&str> {
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let addresses = ends.map(|(address, _)| address.split('#').next().unwrap());
    addresses.filter(|address| !address.contains("://")).collect()
}

/// Returns what is wrong in the lines of llms.txt: links without a sentence, and lines that are neither a heading nor a link.
fn misformed(list: &str) -> Vec<&str> {
    let (_, groups) = list.split_once("\n## ").unwrap();
    let lines = groups.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with("## "));
    lines.filter(|line| !(line.starts_with("- [") && line.contains("](") && line.contains("): "))).collect()
}

#[test]
fn each_list_has_every_page() {
    for (list, folder) in LISTS {
        let text = text(Path::new(list)).unwrap();
        let linked: Vec<PathBuf> =
            links(&text).into_iter().map(|link| root().join(folder).join(link)).collect();
        for path in &linked {
            assert!(path.exists(), "{list} links to {}", path.display());
        }
        let linked: Vec<PathBuf> = linked.iter().map(|path| path.canonicalize().unwrap()).collect();
        for page in files("docs", "md") {
            let path = root().join(&page).canonicalize().unwrap();
            assert!(
                list == page.to_str().unwrap() || linked.contains(&path),
                "{list} has no {}",
                page.display()
            );
        }
        let places = GROUPS.map(|group| text.find(&format!("\n{group}\n")));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{list} has the groups {GROUPS:?}");
    }
}

#[test]
fn llms_txt_has_the_form_of_its_specification() {
    let list = text(Path::new("llms.txt")).unwrap();
    let mut lines = list.lines().filter(|line| !line.is_empty());
    assert!(lines.next().unwrap().starts_with("# "), "the name");
    assert!(lines.next().unwrap().starts_with("> "), "the summary");
    assert_eq!(misformed(&list), Vec::<&str>::new());
}

#[test]
fn links_and_lines_without_a_sentence_are_found() {
    assert_eq!(links("[a](b.md#c), [d](https://e)"), ["b.md"]);
    let list = "# a\n\n> b\n\n## Start\n\n- [c](d.md): what it is\n- [e](f.md)\nText.\n";
    assert_eq!(misformed(list), ["- [e](f.md)", "Text."]);
}
