//! How answers leave through the front doors.

use http::{HeaderValue, Uri};

use super::{ConfigError, Variables, fault};

/// How answers leave through the front doors.
#[derive(Debug, Clone, Default)]
pub struct DoorConfig {
    /// As a stream or whole.
    pub mode: ResponseMode,
    /// The origin, or `*`, whose pages may read what a REST API answers.
    pub allowed_origin: Option<HeaderValue>,
}

/// As a stream or whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ResponseMode {
    /// Each event leaves when it happens.
    #[default]
    Stream,
    /// An answer leaves when it is complete: for doors that take no stream.
    Buffered,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    pub(super) fn doors(&self) -> Result<DoorConfig, ConfigError> {
        let mode = match self.text("AGUI_RESPONSE_MODE").as_deref() {
            None | Some("stream") => ResponseMode::Stream,
            Some("buffered") => ResponseMode::Buffered,
            Some(_) => return Err(fault("AGUI_RESPONSE_MODE", "must be `stream` or `buffered`")),
        };
        let allowed_origin = match self.text("AGUI_ALLOWED_ORIGIN") {
            None => None,
            Some(origin) => Some(header(&origin).ok_or_else(|| {
                fault("AGUI_ALLOWED_ORIGIN", "must be `*` or one origin, such as https://app.example.com")
            })?),
        };
        Ok(DoorConfig { mode, allowed_origin })
    }
}

/// A browser compares the header with its page's origin letter by letter, so that anything else would let nobody in.
fn header(origin: &str) -> Option<HeaderValue> {
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

    fn doors(variable: &str, value: &str) -> Result<DoorConfig, ConfigError> {
        let config =
            read(&[("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo"), (variable, value)]);
        Ok(config?.doors)
    }

    #[test]
    fn answers_are_streamed_unless_said_otherwise() {
        for (value, expected) in [
            ("", Some(ResponseMode::Stream)),
            ("stream", Some(ResponseMode::Stream)),
            ("buffered", Some(ResponseMode::Buffered)),
            ("Buffered", None),
            ("whole", None),
        ] {
            let mode = doors("AGUI_RESPONSE_MODE", value);
            match (mode, expected) {
                (Ok(doors), expected) => assert_eq!(Some(doors.mode), expected, "{value}"),
                (Err(error), expected) => {
                    assert_eq!(expected, None, "{value}");
                    assert_eq!(error.to_string(), "AGUI_RESPONSE_MODE must be `stream` or `buffered`");
                }
            }
        }
    }

    #[test]
    fn an_origin_is_one_or_all() {
        for (value, is_taken) in [
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
            let origin = doors("AGUI_ALLOWED_ORIGIN", value).ok().and_then(|doors| doors.allowed_origin);
            assert_eq!(
                origin.as_ref().map(|origin| origin.to_str().unwrap()),
                is_taken.then_some(value),
                "{value}"
            );
        }
    }
}
