//! How responses leave through the entry points of AWS, and where Lambda's Runtime API is.

use http::{HeaderValue, Uri};

use super::vars::{Variables, environment};

/// How responses leave through the entry points: function URLs, REST APIs and HTTP APIs.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EntryPointConfig {
    /// Whether responses are streamed: `AGUI_RESPONSE_MODE`, `stream` or `buffered`. Streamed by default.
    pub mode: ResponseMode,
    /// The origin whose pages may read the responses of a REST API, or `*` for all: `AGUI_ALLOWED_ORIGIN`. By default it
    /// is `None`, and pages of another origin cannot read them. The other entry points write this header themselves.
    pub allowed_origin: Option<HeaderValue>,
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
    /// Reads whether responses are streamed, and which origin may read those of a REST API. An invalid origin is
    /// reported.
    pub(super) fn entry_points(&mut self) -> EntryPointConfig {
        let modes = [("stream", ResponseMode::Stream), ("buffered", ResponseMode::Buffered)];
        let origin = self.text("AGUI_ALLOWED_ORIGIN");
        let allowed_origin = origin.as_deref().and_then(parse_origin);
        if origin.is_some() && allowed_origin.is_none() {
            self.report("AGUI_ALLOWED_ORIGIN", "must be `*` or one origin, such as https://app.example.com");
        }
        EntryPointConfig {
            mode: self.choice("AGUI_RESPONSE_MODE", &modes, ResponseMode::Stream),
            allowed_origin,
        }
    }
}

/// Returns the address of Lambda's Runtime API, which Lambda and emulators set as `host:port` or a URL. `None` if
/// there is no Runtime API, as outside of Lambda.
pub(crate) fn runtime_api() -> Option<String> {
    environment().text("AWS_LAMBDA_RUNTIME_API")
}

/// Checks an origin of a page, or `*`, and returns it as the value of the header
/// `access-control-allow-origin`. `None` if no browser would accept it.
///
/// A browser compares the header with its page's origin letter by letter, so an origin has to be written as browsers
/// do.
pub(super) fn parse_origin(origin: &str) -> Option<HeaderValue> {
    let is_origin = |uri: Uri| {
        let authority = uri.authority()?.as_str();
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
        let is_as_browsers_write_it = !authority.contains(|c: char| c == '@' || c.is_uppercase());
        Some(is_as_browsers_write_it && origin == format!("{scheme}://{authority}"))
    };
    let is_usable = origin == "*" || origin.parse().ok().and_then(is_origin) == Some(true);
    is_usable.then(|| HeaderValue::try_from(origin).ok()).flatten()
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

    #[test]
    fn allowed_origin_is_one_origin_or_all() {
        for (value, is_accepted) in [
            ("*", true),
            ("https://app.example.com", true),
            ("http://localhost:3000", true),
            ("https://app.example.com/", false),
            ("https://app.example.com/chat", false),
            ("https://a.example,https://b.example", false),
            ("https://user@app.example.com", false),
            ("https://App.Example.com", false),
            ("ftp://app.example.com", false),
            ("app.example.com", false),
            ("null", false),
        ] {
            let origin =
                entry_points("AGUI_ALLOWED_ORIGIN", value).ok().and_then(|config| config.allowed_origin);
            assert_eq!(
                origin.as_ref().map(|origin| origin.to_str().unwrap()),
                is_accepted.then_some(value),
                "{value}"
            );
        }
    }
}
