//! The function in cargo-lambda's emulator, behind a URL: one for all tests that need a real client.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use super::function::TOKEN;
use super::moto::Moto;

/// cargo may wait for a build of somebody else's before it starts the function.
const START: Duration = Duration::from_secs(120);
/// Long enough that a stream can't pass for a buffered answer, short enough for a test.
const DELTA_MS: &str = "20";

/// `cargo lambda watch`, with Secrets Manager as moto plays it. It ends with this process, whose end of the
/// pipe its supervisor watches.
pub(crate) struct Watch {
    /// Where the function's URL is.
    pub(crate) url: String,
    /// Where it writes its log.
    log: PathBuf,
    /// The supervisor; its standard input is the pipe.
    supervisor: Mutex<Child>,
}

impl Watch {
    /// The one of this process, started by the first test that needs it.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Watch> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// The header that the function asks for, as command lines write it.
    pub(crate) fn header(&self) -> String {
        format!("x-agui-token: {TOKEN}")
    }

    /// Everything that the function has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    async fn start() -> Self {
        let moto = Moto::shared();
        moto.create_secret("watched", &format!(r#"{{"token":"{TOKEN}"}}"#)).await;
        // cargo-lambda watches every folder below the one it starts in, so it starts in an empty one.
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("watch");
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join("function.log");
        let output = File::create(&log).unwrap();
        let port = free_port();
        let mut command = super::python();
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/supervise.py"))
            .arg(super::venv().join("bin/cargo-lambda"))
            .args(["lambda", "watch", "--ignore-changes", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            // As the tests were built, so that there is nothing to build.
            .args(["--features", "dev", "--bin", "ag-ui-lambda"])
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let is_of_the_test = ["CARGO_PKG_", "CARGO_MANIFEST_", "AGUI_", "AWS_"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            if is_of_the_test {
                command.env_remove(&*name);
            }
        }
        command.envs(moto.env()).envs([
            ("AGUI_LOCAL", "1"),
            ("AGUI_TOKEN_SECRET_ID", "watched"),
            ("AGUI_MODEL", "scripted/demo"),
            ("AGUI_SCRIPTED_DELAY_MS", DELTA_MS),
        ]);
        let watch = Self {
            url: format!("http://127.0.0.1:{port}/"),
            log,
            supervisor: Mutex::new(command.spawn().unwrap()),
        };
        watch.answers().await;
        watch
    }

    /// Waits until the function is up.
    async fn answers(&self) {
        let client = reqwest::Client::new();
        let began = Instant::now();
        loop {
            let health = client.get(format!("{}health", self.url)).send().await;
            if health.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let has_ended = self.supervisor.lock().unwrap().try_wait().unwrap().is_some();
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            assert!(
                !has_ended && !log.contains("command exited") && began.elapsed() < START,
                "cargo lambda watch does not serve; run the tests through `make test`\n{log}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
