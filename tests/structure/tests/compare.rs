//! What the README says about others is measured: its figures are those of docs/compare.md, which `make compare` writes.

use std::path::Path;

use structure::text;

const PAGE: &str = "docs/compare.md";
/// The comments around what a measurement writes. The first one continues with its name.
const BEGIN: &str = "<!-- make compare: ";
const END: &str = "<!-- end -->";
/// Those that only the measured tables may compare with in figures. CopilotKit is also a client, so it is named elsewhere.
const OTHERS: [&str; 3] = ["AG2", "Pydantic AI", "Strands"];

/// Returns the lines between the comments, and all other lines.
fn measured_and_other_lines(page: &str) -> (Vec<&str>, Vec<&str>) {
    let mut is_measured = false;
    page.lines().filter(|line| !line.is_empty()).partition(|line| {
        is_measured = line.starts_with(BEGIN) || (is_measured && *line != END);
        is_measured && !line.starts_with(BEGIN)
    })
}

/// Returns what is wrong in the README: rows of its measured tables that the page does not have, and other lines that name one
/// of the others and have a figure.
fn unmeasured(readme: &str, page: &str) -> Vec<String> {
    let (rows, others) = measured_and_other_lines(readme);
    let (known, _) = measured_and_other_lines(page);
    let rows = rows.into_iter().filter(|row| !known.contains(row));
    let sentences = others.into_iter().filter(|line| {
        OTHERS.iter().any(|name| line.contains(name))
            && line
                .replace("AG2", "")
                .replace("ag2", "")
                .contains(|character: char| character.is_ascii_digit())
    });
    rows.chain(sentences).map(str::to_owned).collect()
}

#[test]
fn figures_of_the_readme_are_measured() {
    let [readme, page] = ["README.md", PAGE].map(|file| text(Path::new(file)).unwrap());
    assert!(readme.contains(&format!("{BEGIN}summary -->")), "the README has the table of {PAGE} in short");
    let wrong = unmeasured(&readme, &page);
    assert!(wrong.is_empty(), "these are not in a table of {PAGE}:\n{}", wrong.join("\n"));
}

#[test]
fn figures_that_were_not_measured_are_found() {
    let page = format!("{BEGIN}start -->\n\n| memory, MiB | 12 | 97 |\n\n{END}\n");
    let measured = format!("AG2 is a framework.\n{BEGIN}summary -->\n\n| memory, MiB | 12 | 97 |\n\n{END}\n");
    assert_eq!(unmeasured(&measured, &page), Vec::<String>::new());

    let other_figure = measured.replace("97", "970");
    assert_eq!(unmeasured(&other_figure, &page), ["| memory, MiB | 12 | 970 |"]);
    let sentence = format!("{measured}It starts 50 times faster than Strands.\n");
    assert_eq!(unmeasured(&sentence, &page), ["It starts 50 times faster than Strands."]);
}
