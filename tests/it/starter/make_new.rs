//! `make new`: what it refuses, and what it prints.

use std::fs;

use super::{Folder, REPOSITORY};

#[test]
fn refuses_a_folder_that_cannot_become_a_project() {
    let folder = Folder::new("refused");
    fs::create_dir(folder.path("there")).unwrap();
    let inside = format!("{REPOSITORY}/my-agent");
    let long = "a".repeat(41);
    for (why, project, message) in [
        ("no folder", "", "DIR is not set: make new DIR=../my-agent"),
        ("it exists", "there", "there exists already"),
        ("no parent", "missing/my-agent", "there is no folder missing"),
        (
            "in this repository",
            inside.as_str(),
            "is in this repository: choose a folder beside it, such as ../my-agent",
        ),
        ("capital letters", "MyAgent", "cannot be named MyAgent: use two or more small letters"),
        ("no stack can have it", "my_agent", "cannot be named my_agent"),
        ("a digit first", "1-agent", "cannot be named 1-agent"),
        ("a space", "my agent", "cannot be named my agent"),
        ("a program of the project", "rotate", "something else has this name"),
        ("too long", long.as_str(), "has 41 characters; at most 40"),
    ] {
        let refused = folder.make_new(project);

        let printed = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{why}: {printed}");
        assert!(printed.starts_with("new: ") && printed.contains(message), "{why}: {printed}");
        assert_eq!(printed.lines().count(), 1, "{why}: {printed}");
    }
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1, "nothing was made");
}

#[test]
fn prints_what_comes_next() {
    let folder = Folder::new("printed");

    let made = folder.make_new("my-agent");

    let printed = String::from_utf8(made.stdout).unwrap();
    let expected =
        format!("The project my-agent is in {}. What you can do next:", folder.path("my-agent").display());
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], expected);
    let commands: Vec<&str> =
        lines[1..].iter().map(|line| line.split("  #").next().unwrap().trim()).collect();
    let guide = format!("{REPOSITORY}/docs/getting-started.md");
    assert_eq!(commands, ["cd my-agent && make run", "cd my-agent && make", &guide, ""]);
}
