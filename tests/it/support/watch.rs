//! The function in cargo-lambda's emulator, behind a URL: one for all tests that need a real client.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use super::free_port;
use super::function::TOKEN;
use super::moto::Moto;

const START: Duration = Duration::from_secs(30);
/// Long enough that a stream can't pass for a buffered answer, short enough for a test.
const DELTA_MS: &str = "20";

/// The APIs of `cargo lambda watch` and the function behind them, with Secrets Manager as moto plays it. Both end with this
/// process, whose ends of the pipes their supervisors watch.
pub(crate) struct Watch {
    /// Where the function's URL is.
    pub(crate) url: String,
    /// Where it writes its log.
    log: PathBuf,
    /// The supervisors; their standard inputs are the pipes.
    supervisors: Mutex<[Child; 2]>,
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
        let mut apis = supervised(super::venv().join("bin/cargo-lambda"), &folder, &output);
        apis.args(["lambda", "watch", "--only-lambda-apis", "--ignore-changes"])
            .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()]);
        let apis = apis.spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < START, "{}", fs::read_to_string(&log).unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // As cargo-lambda starts it.
        let mut function = supervised(env!("CARGO_BIN_EXE_ag-ui-lambda").into(), &folder, &output);
        function.envs(moto.env()).envs([
            ("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{port}/.rt/_").as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "_"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4096"),
            ("AGUI_LOCAL", "1"),
            ("AGUI_TOKEN_SECRET_ID", "watched"),
            ("AGUI_MODEL", "scripted/demo"),
            ("AGUI_SCRIPTED_DELAY_MS", DELTA_MS),
        ]);
        let watch = Self {
            url: format!("http://127.0.0.1:{port}/"),
            log,
            supervisors: Mutex::new([apis, function.spawn().unwrap()]),
        };
        watch.answers().await;
        watch
    }

    /// Whether the emulator or the function is gone.
    fn has_ended(&self) -> bool {
        let mut supervisors = self.supervisors.lock().unwrap();
        supervisors.iter_mut().any(|child| child.try_wait().unwrap().is_some())
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
            let has_ended = self.has_ended();
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            assert!(
                !has_ended && began.elapsed() < START,
                "cargo lambda watch does not serve; run the tests through `make test`\n{log}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A program under its supervisor, without this test's own variables.
fn supervised(program: PathBuf, folder: &Path, output: &File) -> Command {
    let mut command = super::python();
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/supervise.py"))
        .arg(program)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(output.try_clone().unwrap())
        .stderr(output.try_clone().unwrap());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_", "AGUI_", "AWS_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&*name);
        }
    }
    command
}
