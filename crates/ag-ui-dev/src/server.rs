//! The development server: it serves a function on this machine over HTTP, as an entry point of AWS does, with a page to
//! try it.
//!
//! It starts the function's own program with an emulated Runtime API, makes an event of each request, and streams the
//! response back. The page at `/` calls the function through the same routes as every other client.
//!
//! The rule it guards: only somebody who may read files of this user can make the function do anything. The server listens
//! on the loopback interface only, accepts only its own names in `Host`, refuses pages of other origins, and requires a
//! secret from a file for everything but the fixed files of the page.

mod access;
mod caller;
mod error;
mod error_response;
mod faults;
mod host;
mod invoke;
mod log;
mod model_proxy;
mod page;
mod routes;
mod secrets_manager;
mod server_state;
mod session;
mod settings;
mod shell;
mod state_file;
mod terminal;
mod user_token;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::signal::unix::{SignalKind, signal};

use crate::loopback::Loopback;
use access::Access;
pub use error::ServerError;
use faults::Faults;
use host::FunctionHost;
use log::LogFeed;
use server_state::ServerState;
pub use settings::{Person, Settings};
use state_file::write_private;
pub use state_file::{LocalSecrets, state_folder};

/// The port of a development server whose settings have none.
pub const DEFAULT_PORT: u16 = 9000;

/// A development server that runs. Everything that it has started ends when it is dropped.
pub struct Server {
    shared: Arc<ServerState>,
    /// The HTTP server, which ends every connection when it is dropped.
    listener: Loopback,
}

impl Server {
    /// Starts the function and then the HTTP server.
    ///
    /// If the settings have no port, the server listens on [`DEFAULT_PORT`], or on any free port if that is taken.
    ///
    /// # Errors
    /// [`ServerError`] if there is no port, if a fault of the settings cannot be set, or if the function does not get ready.
    pub async fn start(settings: Settings) -> Result<Self, ServerError> {
        let log = Arc::new(LogFeed::new(settings.prints_log));
        let faults = Faults::start(&settings).await?;
        let host = FunctionHost::start(&settings, faults.variables(), Arc::clone(&log)).await?;
        for (id, value) in &settings.faults {
            faults
                .apply(id, value, &host)
                .await
                .map_err(|error| ServerError::Fault(id.clone(), error.to_string()))?;
        }
        let access = Access::new(&settings.secrets.token, &settings.allowed_origins);
        let port = settings.port;
        let shared = Arc::new(ServerState { settings, access, host, faults, log });
        let listener = match port {
            Some(port) => listen(port, &shared),
            None => listen(DEFAULT_PORT, &shared).or_else(|_| listen(0, &shared)),
        }?;
        let server = Self { shared, listener };
        server.write_address();
        Ok(server)
    }

    /// Serves until the program is stopped by SIGINT or SIGTERM. Whenever the function's program is built again, the
    /// function is restarted.
    ///
    /// # Errors
    /// Returns an error if the signals cannot be received.
    pub async fn run_until_stopped(&self) -> io::Result<()> {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminated.recv() => Ok(()),
            never = self.shared.host.restart_when_rebuilt() => match never {},
        }
    }

    /// Writes the server's address and key to a file for scripts, unless the settings ask for any port, as tests do.
    fn write_address(&self) {
        // A script does not look for the server of a test, which takes any port.
        if self.shared.settings.port == Some(0) {
            return;
        }
        // A failure is ignored: only a script reads the file, and it reports a missing one.
        let text = format!("{}\n{}\n", self.address(), self.shared.settings.secrets.token);
        let _ = write_private(&self.address_file(), text.as_bytes());
    }

    /// Returns the path of the file with the server's address and key, which scripts read.
    fn address_file(&self) -> PathBuf {
        state_folder(&self.shared.settings.program).join("ag-ui-local-address")
    }

    /// Returns the IP address and the port that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Returns the URL of the page. Its fragment, which browsers do not send, has the secret that the page needs.
    /// [`print_welcome`](Self::print_welcome) prints the URL.
    pub fn page_url(&self) -> String {
        let key = utf8_percent_encode(&self.shared.settings.secrets.token, NON_ALPHANUMERIC);
        format!("http://{}/#key={key}", self.address())
    }

    /// Prints to the terminal what is served and how to try it.
    pub fn print_welcome(&self) {
        terminal::print_welcome(&self.shared.settings, self.address(), &self.page_url());
    }
}

impl Drop for Server {
    /// Removes the file with the server's address, unless another server has replaced it.
    fn drop(&mut self) {
        // Another server may have replaced the file.
        let is_own = |text: String| text.lines().next() == Some(&*self.address().to_string());
        if fs::read_to_string(self.address_file()).is_ok_and(is_own) {
            let _ = fs::remove_file(self.address_file());
        }
    }
}

/// Starts the HTTP server on this port of 127.0.0.1; an error if the port is taken. The routes use `shared`.
fn listen(port: u16, shared: &Arc<ServerState>) -> Result<Loopback, ServerError> {
    let shared = Arc::clone(shared);
    let respond = move |request| {
        let shared = Arc::clone(&shared);
        async move { routes::handle(&shared, request).await }
    };
    Loopback::serve_on(port, respond).map_err(|source| ServerError::Listen { port, source })
}
