//! Starts the function's process, and restarts it if it has ended or was built again.
//!
//! A function whose settings name an issuer of users' tokens requires such a token from every caller. So the entry point with
//! the user's JWT has a process of its own, which is started by the first request that needs it. If the user's JWT admits by
//! itself, this process serves all entry points, and there is no other one.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::Algorithm;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::{Mutex, OnceCell, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::error::ServerError;
use super::log::LogFeed;
use super::settings::Settings;
use crate::{ClaimSet, EntryPoint, Function, FunctionError, Issuer};

/// How long a function may take to start. A debug build of a large function takes some seconds.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How often the server checks whether the program was built again.
const REBUILD_CHECK_INTERVAL: Duration = Duration::from_millis(300);
/// The audience of the local issuer's tokens.
const AUDIENCE: &str = "local";
/// For how many seconds a token of the local issuer is valid, unless somebody asks for another time.
pub(super) const TOKEN_TTL_S: i64 = 3600;

/// The processes of the function.
pub(super) struct FunctionHost {
    settings: Settings,
    /// The variables that make the function use the server's stand-ins.
    variables: Vec<(String, String)>,
    log: Arc<LogFeed>,
    /// Where the processes send the lines of their logs.
    lines: mpsc::UnboundedSender<String>,
    /// The process that does not know the local issuer.
    plain: Mutex<Option<Arc<Function>>>,
    /// The process that verifies the tokens of the local issuer.
    with_issuer: Mutex<Option<Arc<Function>>>,
    issuer: OnceCell<Issuer>,
    /// Whether the running processes of the function are frozen.
    is_frozen: AtomicBool,
    /// The task that reads the lines of the logs.
    _reading: JoinSet<()>,
}

impl FunctionHost {
    /// Starts the first process of the function, with these additional environment variables, and waits until it is ready.
    /// The lines of its log go to `log`.
    pub(super) async fn start(
        settings: &Settings,
        variables: Vec<(String, String)>,
        log: Arc<LogFeed>,
    ) -> Result<Self, ServerError> {
        let (lines, mut receiver) = mpsc::unbounded_channel::<String>();
        let mut reading = JoinSet::new();
        let feed = Arc::clone(&log);
        reading.spawn(async move {
            while let Some(line) = receiver.recv().await {
                feed.line(&line);
            }
        });
        let host = Self {
            settings: settings.clone(),
            variables,
            log,
            lines,
            plain: Mutex::new(None),
            with_issuer: Mutex::new(None),
            issuer: OnceCell::new(),
            is_frozen: AtomicBool::new(false),
            _reading: reading,
        };
        host.function(EntryPoint::FunctionUrl).await?;
        Ok(host)
    }

    /// Returns the running process of the function that serves this entry point. If none runs, starts one and waits until
    /// it is ready.
    pub(super) async fn function(&self, entry_point: EntryPoint) -> Result<Arc<Function>, FunctionError> {
        let mut slot = self.slot(entry_point).lock().await;
        if let Some(function) = slot.as_ref().filter(|function| function.is_running()) {
            return Ok(Arc::clone(function));
        }
        if slot.take().is_some() {
            self.log.event("The function has ended. It is restarted, as on Lambda.");
        }
        let function =
            Arc::new(Function::spawn_with_log(self.command(entry_point).await?, self.lines.clone()).await?);
        function.ready(START_LIMIT).await?;
        // A new process is not frozen.
        self.is_frozen.store(false, Ordering::SeqCst);
        *slot = Some(Arc::clone(&function));
        Ok(function)
    }

    /// Drops the running processes of the function, so that the next request starts a new one. A response that is still
    /// being sent keeps its process until its end. Called when the program was built again, and for the fault
    /// `cold-start`.
    pub(super) async fn retire(&self) {
        self.freeze(false).await;
        *self.plain.lock().await = None;
        *self.with_issuer.lock().await = None;
    }

    /// Freezes the running processes of the function (SIGSTOP), as Lambda does between events; if `is_frozen` is false,
    /// lets them continue (SIGCONT). This is for the fault `freeze`.
    pub(super) async fn freeze(&self, is_frozen: bool) {
        let signal = if is_frozen { Signal::STOP } else { Signal::CONT };
        for pid in self.pids().await {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            // A process that has just ended cannot be frozen, and need not be.
            let _ = pid.map(|pid| kill_process(pid, signal));
        }
        self.is_frozen.store(is_frozen, Ordering::SeqCst);
    }

    /// Whether the last call of [`freeze`](Self::freeze) has frozen the processes, and none was started since. The list
    /// of faults for the page shows this value.
    pub(super) fn is_frozen(&self) -> bool {
        self.is_frozen.load(Ordering::SeqCst)
    }

    /// Returns the process ids of the running processes of the function, of which there are at most two.
    /// [`freeze`](Self::freeze) sends its signals to them.
    async fn pids(&self) -> Vec<u32> {
        let mut pids = Vec::new();
        for slot in [&self.plain, &self.with_issuer] {
            pids.extend(
                slot.lock()
                    .await
                    .as_ref()
                    .filter(|function| function.is_running())
                    .map(|function| function.pid()),
            );
        }
        pids
    }

    /// Signs a JWT of the local issuer for a user with these claims. Missing claims about issuer, audience and times are
    /// added, by which the token is valid for `ttl_s` seconds. A request through the entry point with the user's JWT gets
    /// such a token.
    pub(super) async fn sign(&self, claims: &ClaimSet, ttl_s: i64) -> Result<String, ServerError> {
        let issuer = self.issuer().await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut claims = claims.clone();
        for (name, value) in [
            ("iss", Value::from(issuer.url())),
            ("aud", AUDIENCE.into()),
            ("iat", now.into()),
            ("exp", now.saturating_add_signed(ttl_s).into()),
        ] {
            claims.entry(name).or_insert(value);
        }
        let signed = issuer.sign(Algorithm::RS256, &Value::Object(claims));
        signed.map_err(|error| ServerError::StandIn("the issuer of users' tokens", error.into()))
    }

    /// Watches the function's program, and restarts the function whenever the program was built again. It never returns.
    pub(super) async fn restart_when_rebuilt(&self) -> Infallible {
        let mut built = modified(&self.settings.program);
        loop {
            sleep(REBUILD_CHECK_INTERVAL).await;
            let newest = modified(&self.settings.program);
            // There is no program while it is being linked.
            if newest.is_none() || newest == built {
                continue;
            }
            built = newest;
            self.log.event("The program was built again: the function is restarted.");
            self.retire().await;
            if let Err(error) = self.function(EntryPoint::FunctionUrl).await {
                self.log.event(&format!("The function does not start: {error}"));
            }
        }
    }

    /// Returns the place where the process for this entry point is kept, which may be empty.
    fn slot(&self, entry_point: EntryPoint) -> &Mutex<Option<Arc<Function>>> {
        if self.uses_local_issuer(entry_point) { &self.with_issuer } else { &self.plain }
    }

    /// Whether the process for this entry point verifies the tokens of the local issuer.
    fn uses_local_issuer(&self, entry_point: EntryPoint) -> bool {
        let is_everywhere = self.settings.admits_jwt && !self.settings.has_own_issuer;
        is_everywhere || entry_point == EntryPoint::UserJwt
    }

    /// Builds the command that starts the function for this entry point, with its environment variables.
    async fn command(&self, entry_point: EntryPoint) -> Result<Command, FunctionError> {
        let mut command = Command::new(&self.settings.program);
        command
            .envs(self.settings.variables.iter().chain(&self.variables).map(|(name, value)| (name, value)));
        command.env("AWS_LAMBDA_FUNCTION_NAME", &self.settings.name);
        if self.uses_local_issuer(entry_point) {
            let issuer =
                self.issuer().await.map_err(|error| FunctionError::Spawn(std::io::Error::other(error)))?;
            command.env("AGUI_JWT_ISSUER", issuer.url());
            command.env("AGUI_JWKS_URL", issuer.jwks_url());
            command.env("AGUI_JWT_AUDIENCE", AUDIENCE);
            command.env("AGUI_JWT_ALGORITHMS", "RS256");
        }
        Ok(command)
    }

    /// Returns the local issuer, which signs users' tokens. The first call starts it.
    async fn issuer(&self) -> Result<&Issuer, ServerError> {
        let started = self.issuer.get_or_try_init(Issuer::start).await;
        started.map_err(|error| ServerError::StandIn("the issuer of users' tokens", error.into()))
    }
}

/// Returns when the file of a program was last written; `None` if there is no file.
/// [`restart_when_rebuilt`](FunctionHost::restart_when_rebuilt) compares this time with the one before.
fn modified(program: &Path) -> Option<SystemTime> {
    fs::metadata(program).and_then(|metadata| metadata.modified()).ok()
}
