//! The function in cargo-lambda's emulator, served at a URL. All tests that need it share one.

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

/// How long the emulator and the function may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The delay between deltas: long enough to tell a stream from a buffered response, and short enough for a test.
const DELTA_MS: &str = "20";

/// The APIs of `cargo lambda watch` and the function that uses them, with moto as Secrets Manager. Both end with this process,
/// because their supervisors watch pipes that this process holds.
pub(crate) struct Emulator {
    /// The function's URL.
    pub(crate) url: String,
    /// The file with the function's log.
    log: PathBuf,
    /// The supervisors. Their standard inputs are the pipes.
    supervisors: Mutex<[Child; 2]>,
}

impl Emulator {
    /// Returns the emulator of this process. The first call starts it.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Emulator> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Returns the header with the shared token, as `name: value`, for a command line.
    pub(crate) fn header(&self) -> String {
        format!("x-agui-token: {TOKEN}")
    }

    /// Returns everything that the function has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Starts the emulator and the function, and waits until the function serves requests.
    async fn start() -> Self {
        let moto = Moto::shared();
        moto.create_secret("watched", &format!(r#"{{"token":"{TOKEN}"}}"#)).await;
        // cargo-lambda watches every folder below the one it starts in, so it starts in an empty one.
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("watch");
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join("function.log");
        let output = File::create(&log).unwrap();
        let port = free_port();
        let mut apis = supervised(super::sam_venv().join("bin/cargo-lambda"), &folder, &output);
        apis.args(["lambda", "watch", "--only-lambda-apis", "--ignore-changes"])
            .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()]);
        let apis = apis.spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < START_TIMEOUT, "{}", fs::read_to_string(&log).unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // These are the variables with which cargo-lambda starts a function.
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
        watch.wait_until_ready().await;
        watch
    }

    /// Whether the process of the emulator or of the function has ended.
    fn has_ended(&self) -> bool {
        let mut supervisors = self.supervisors.lock().unwrap();
        supervisors.iter_mut().any(|child| child.try_wait().unwrap().is_some())
    }

    /// Waits until the function responds to a health request; panics with the log if it does not in time.
    async fn wait_until_ready(&self) {
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
                !has_ended && began.elapsed() < START_TIMEOUT,
                "cargo lambda watch does not serve; run the tests through `make test`\n{log}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Returns the command that starts a program in `folder`, under a supervisor that ends it with this process. Its outputs go
/// to `output`, and it gets no variables of cargo, AWS or AG-UI from this process.
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
