//! The development server: a function on this machine, served over HTTP as an entry point of AWS would, and a page to try it.
//!
//! It starts the function's own program behind an emulated Runtime API, makes an event of each request and streams the
//! answer back. The page at `/` talks to the function through the same routes as every other client.
//!
//! The rule it guards: whoever may not read files of this user may not make the function do anything. The server listens
//! on the loopback interface only, answers to its own names only, accepts no page of another origin, and everything but the
//! page's fixed files wants a secret that is kept in a file.

mod access;
mod caller;
mod error;
mod faults;
mod host;
mod invoke;
mod log;
mod model_proxy;
mod page;
mod refusal;
mod routes;
mod secrets_manager;
mod session;
mod settings;
mod shared;
mod shell;
mod state_file;
mod terminal;

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
use host::Host;
use log::LogFeed;
pub use settings::{Person, Settings};
use shared::Shared;
use state_file::write_private;
pub use state_file::{Secrets, state_folder};

/// The port of a development server whose settings name none.
pub const DEFAULT_PORT: u16 = 9000;

/// A development server; everything that it started ends when it is dropped.
pub struct Server {
    shared: Arc<Shared>,
    /// Ends every connection when dropped.
    listener: Loopback,
}

impl Server {
    /// Starts the function and listens.
    ///
    /// Without a port in the settings it is [`DEFAULT_PORT`], or any free one where that is taken.
    ///
    /// # Errors
    /// [`ServerError`] when there is no port, or when the function does not get ready.
    pub async fn start(settings: Settings) -> Result<Self, ServerError> {
        let log = Arc::new(LogFeed::new(settings.prints_log));
        let faults = Faults::start(&settings).await?;
        let host = Host::start(&settings, faults.variables(), Arc::clone(&log)).await?;
        for (id, value) in &settings.faults {
            faults
                .apply(id, value, &host)
                .await
                .map_err(|bad| ServerError::Fault(id.clone(), bad.to_string()))?;
        }
        let access = Access::new(&settings.secrets.token, &settings.allowed_origins);
        let port = settings.port;
        let shared = Arc::new(Shared { settings, access, host, faults, log });
        let listener = match port {
            Some(port) => listen(port, &shared),
            None => listen(DEFAULT_PORT, &shared).or_else(|_| listen(0, &shared)),
        }?;
        let server = Self { shared, listener };
        server.write_address();
        Ok(server)
    }

    /// Runs until somebody stops the program: starts the function anew whenever its program was built again.
    ///
    /// # Errors
    /// When the signals of the system can't be waited for.
    pub async fn run_until_stopped(&self) -> io::Result<()> {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminated.recv() => Ok(()),
            never = self.shared.host.restart_when_rebuilt() => match never {},
        }
    }

    /// Leaves the address and the key where scripts find them.
    fn write_address(&self) {
        // A test that takes any port is not what a script looks for.
        if self.shared.settings.port == Some(0) {
            return;
        }
        // Nothing but a script reads it, and a script says what it misses.
        let text = format!("{}\n{}\n", self.address(), self.shared.settings.secrets.token);
        let _ = write_private(&self.address_file(), text.as_bytes());
    }

    fn address_file(&self) -> PathBuf {
        state_folder(&self.shared.settings.program).join("ag-ui-local-address")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The address of the page, with the secret that it needs in the fragment, which no browser sends anywhere.
    pub fn page_url(&self) -> String {
        let key = utf8_percent_encode(&self.shared.settings.secrets.token, NON_ALPHANUMERIC);
        format!("http://{}/#key={key}", self.address())
    }

    /// Says on the terminal what is served and how to try it.
    pub fn print_welcome(&self) {
        terminal::welcome(&self.shared.settings, self.address(), &self.page_url());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Another server may have written its own since.
        let is_own = |text: String| text.lines().next() == Some(&*self.address().to_string());
        if fs::read_to_string(self.address_file()).is_ok_and(is_own) {
            let _ = fs::remove_file(self.address_file());
        }
    }
}

fn listen(port: u16, shared: &Arc<Shared>) -> Result<Loopback, ServerError> {
    let shared = Arc::clone(shared);
    let answer = move |request| {
        let shared = Arc::clone(&shared);
        async move { routes::answer(&shared, request).await }
    };
    Loopback::serve_on(port, answer).map_err(|source| ServerError::Listen { port, source })
}
