//! How responses leave through the entry points of AWS, and where Lambda's Runtime API is.

use super::vars::{Variables, environment};

/// How responses leave through the entry points: function URLs, REST APIs and HTTP APIs.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EntryPointConfig {
    /// Whether responses are streamed: `AGUI_RESPONSE_MODE`, `stream` or `buffered`. Streamed by default.
    pub mode: ResponseMode,
}

/// Whether responses are streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ResponseMode {
    /// Each event leaves when it happens. An HTTP API cannot stream, so its responses are buffered all the same.
    #[default]
    Stream,
    /// A response leaves when it is complete, at most 6 MB of it. For entry points that cannot stream.
    Buffered,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Reads whether responses are streamed.
    pub(super) fn entry_points(&mut self) -> EntryPointConfig {
        let modes = [("stream", ResponseMode::Stream), ("buffered", ResponseMode::Buffered)];
        EntryPointConfig { mode: self.choice("AGUI_RESPONSE_MODE", &modes, ResponseMode::Stream) }
    }
}

/// Returns the address of Lambda's Runtime API, which Lambda and emulators set as `host:port` or a URL. `None` if
/// there is no Runtime API, as outside of Lambda.
pub(crate) fn runtime_api() -> Option<String> {
    environment().text("AWS_LAMBDA_RUNTIME_API")
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    fn entry_points(variable: &str, value: &str) -> Result<EntryPointConfig, String> {
        let base = [("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")];
        let config = read(&[&base[..], &[(variable, value)]].concat());
        config.map(|config| config.entry_points).map_err(|error| error.to_string())
    }

    #[test]
    fn responses_are_streamed_by_default() {
        let error = "AGUI_RESPONSE_MODE must be `stream` or `buffered`";
        for (value, expected) in [
            ("", Ok(ResponseMode::Stream)),
            ("stream", Ok(ResponseMode::Stream)),
            ("buffered", Ok(ResponseMode::Buffered)),
            ("Buffered", Err(error.to_owned())),
            ("whole", Err(error.to_owned())),
        ] {
            let mode = entry_points("AGUI_RESPONSE_MODE", value).map(|config| config.mode);
            assert_eq!(mode, expected, "{value}");
        }
    }
}
