//! A stdout that nobody reads: lines are lost, and no run.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::function::{Function, Reply, TOKEN, says, url_event};

/// Far longer than a run takes; a function that waits for its stdout would take for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// A pipe that is full, held open and never read.
fn full_pipe() -> (PathBuf, File) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("full-stdout");
    drop(fs::remove_file(&path));
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
    let mut pipe = File::options().read(true).write(true).custom_flags(flags).open(&path).unwrap();
    let full = loop {
        if let Err(error) = pipe.write_all(&[b'.'; 4096]) {
            break error.kind();
        }
    };
    assert_eq!(full, ErrorKind::WouldBlock);
    (path, pipe)
}

#[tokio::test]
async fn given_a_stdout_that_is_full_when_runs_and_refusals_come_then_they_are_answered() {
    let (path, _unread) = full_pipe();
    for format in ["JSON", "Text"] {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", r#"exec "$0" >"$1""#, env!("CARGO_BIN_EXE_ag-ui-lambda")]).arg(&path);
        command.env_clear().envs([
            ("AGUI_LOCAL", "1"),
            ("AGUI_TOKEN", TOKEN),
            ("AWS_LAMBDA_LOG_FORMAT", format),
        ]);
        let function = ag_ui_dev::Function::spawn(command).await.unwrap();
        function.ready(PATIENCE).await.unwrap();
        let function = Function::new(function);

        for (token, status) in [(TOKEN, 200), ("not-the-shared-token", 401), (TOKEN, 200)] {
            let event = url_event(&[("x-agui-token", token)], &says("What is the weather in Tokyo?"));
            let reply = timeout(PATIENCE, Reply::to(&function, &event)).await.unwrap();
            assert_eq!(reply.status, status, "{format}");
        }
    }
}
