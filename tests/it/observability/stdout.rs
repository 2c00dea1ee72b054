//! A stdout that is not read for a while: no request waits for it, and no line is lost.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::function::{Function, Reply, TOKEN, url_event, user_input};

/// Much longer than a run takes. A function that waits for its stdout would never finish.
const LIMIT: Duration = Duration::from_secs(30);

/// Creates a pipe that is full and stays open.
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

/// Reads everything that is in the pipe.
fn drain(pipe: &mut File) -> String {
    let mut bytes = Vec::new();
    let end = pipe.read_to_end(&mut bytes).expect_err("the pipe is open");
    assert_eq!(end.kind(), ErrorKind::WouldBlock);
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn full_stdout_blocks_no_request_and_loses_no_line() {
    for format in ["JSON", "Text"] {
        let (path, mut pipe) = full_pipe();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", r#"exec "$0" >"$1""#, env!("CARGO_BIN_EXE_ag-ui-lambda")]).arg(&path);
        command.env_clear().envs([
            ("AGUI_LOCAL", "1"),
            ("AGUI_TOKEN", TOKEN),
            ("AWS_LAMBDA_LOG_FORMAT", format),
        ]);
        let function = ag_ui_dev::Function::spawn(command).await.unwrap();
        function.ready(LIMIT).await.unwrap();
        let function = Function::new(function);
        let send = async |token, status| {
            let event = url_event(&[("x-agui-token", token)], &user_input("What is the weather in Tokyo?"));
            let reply = timeout(LIMIT, Reply::send(&function, &event)).await.unwrap();
            assert_eq!(reply.status, status, "{format}");
        };

        for (token, status) in [(TOKEN, 200), ("not-the-shared-token", 401), (TOKEN, 200)] {
            send(token, status).await;
        }
        drain(&mut pipe);
        send(TOKEN, 200).await;

        let log = drain(&mut pipe);
        let count = |message| log.lines().filter(|line| line.contains(message)).count();
        assert_eq!((count("run finished"), count("request refused")), (3, 1), "{format}: {log}");
        assert_eq!(count("log lines were lost"), 0, "{format}: {log}");
    }
}
