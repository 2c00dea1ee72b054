//! Local mode: whether this process runs on a developer's own machine.

use super::vars::Variables;
#[cfg(all(feature = "local", debug_assertions))]
use super::vars::environment;

/// The variable that turns local mode on.
const VARIABLE: &str = "AGUI_LOCAL";

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Whether local mode is on. An unusable value is reported and counts as on, so that settings which only a
    /// function in Lambda needs are not reported as missing.
    pub(super) fn is_local(&mut self) -> bool {
        self.parse_local().unwrap_or_else(|problem| {
            self.report(VARIABLE, problem);
            true
        })
    }

    /// Checks the variable of the development server, so that it is reported together with all others. The server reads it
    /// itself.
    pub(super) fn check_server(&mut self) {
        let problem = "must be a port, a whole number from 0 (any free one) to 65535";
        self.parse::<u16>("AGUI_PORT", 0, problem);
    }

    /// Whether local mode is on.
    ///
    /// # Errors
    /// The problem with an unusable value; it continues a sentence that begins with `AGUI_LOCAL`.
    fn parse_local(&self) -> Result<bool, &'static str> {
        match self.text(VARIABLE).as_deref() {
            None | Some("0") => Ok(false),
            // Lambda sets this variable, and emulators do not.
            Some("1") if self.text("AWS_LAMBDA_INITIALIZATION_TYPE").is_some() => {
                Err("is for your own machine; the function does not start with it in Lambda")
            }
            Some("1") => Ok(true),
            Some(_) => Err("must be 1 on your own machine, and not set elsewhere"),
        }
    }
}

/// Whether local mode is on in this process. An unusable value counts as off.
#[cfg(all(feature = "local", debug_assertions))]
pub(crate) fn is_local() -> bool {
    environment().parse_local() == Ok(true)
}

/// Whether this process has to run the development server: local mode is on, and there is no Runtime API from which
/// it would get events.
#[cfg(all(feature = "local", debug_assertions))]
pub(crate) fn serves_itself() -> bool {
    is_local() && super::lambda::runtime_api().is_none()
}

/// Returns the value of a variable of this process, for the settings of the development server. `None` if it is not
/// set or empty.
#[cfg(all(feature = "local", debug_assertions))]
pub(crate) fn variable(name: &str) -> Option<String> {
    environment().text(name)
}
