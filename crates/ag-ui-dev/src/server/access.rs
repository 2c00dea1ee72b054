//! Who may send requests to the development server.
//!
//! A page of another site can make a browser send requests to this machine. It can neither choose the `Host` header nor
//! leave `Origin` out of what matters, and it does not know the secret. Each of the three is checked by itself.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};

/// The header that bears the secret on the server's own routes.
pub(super) const KEY_HEADER: HeaderName = HeaderName::from_static("x-agui-dev-key");

/// The names of this machine that the server answers to. With any other a page could have its own name resolve to this
/// machine, and the browser would take the server for a part of that page's site (DNS rebinding).
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// Who may send requests.
pub(super) struct Access {
    secret: String,
    allowed_origins: Vec<String>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("This server answers to the hosts 127.0.0.1 and localhost only.")]
    Host,
    #[error("Pages of this origin may not use this server. AGUI_CORS_ORIGINS names the origins that may.")]
    Origin,
    #[error(
        "The header x-agui-dev-key is missing or wrong. The address that the terminal printed has the key behind #key=."
    )]
    Key,
}

impl Refused {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::Origin => StatusCode::FORBIDDEN,
            Self::Key => StatusCode::UNAUTHORIZED,
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Host | Self::Origin => "FORBIDDEN",
            Self::Key => "UNAUTHENTICATED",
        }
    }
}

impl Access {
    pub(super) fn new(secret: &str, allowed_origins: &[String]) -> Self {
        Self { secret: secret.to_owned(), allowed_origins: allowed_origins.to_vec() }
    }

    /// Checks that a request was meant for this server and comes from a page that may use it, or from no page.
    ///
    /// Returns the allowed foreign origin, which the response has to name.
    pub(super) fn check_source(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refused> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refused::Host) };
        let host = host.to_str().map_err(|_| Refused::Host)?;
        let authority: Uri = host.parse().map_err(|_| Refused::Host)?;
        if !authority.host().is_some_and(|name| HOSTS.contains(&name)) || host.contains('@') {
            return Err(Refused::Host);
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(None),
            (Some(origin), None) if origin.as_bytes() == format!("http://{host}").as_bytes() => Ok(None),
            (Some(origin), None)
                if self.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) =>
            {
                Ok(Some(origin.clone()))
            }
            _ => Err(Refused::Origin),
        }
    }

    /// Checks the secret of a request to one of the server's own routes.
    pub(super) fn check_key(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let is_right = headers.get(KEY_HEADER).is_some_and(|key| is_same(key.as_bytes(), &self.secret));
        if is_right { Ok(()) } else { Err(Refused::Key) }
    }

    /// Checks the secret of a request to the function that also chooses its caller: the key, or the shared token.
    pub(super) fn check_key_or_token(
        &self,
        headers: &HeaderMap,
        token_header: &str,
        token: Option<&str>,
    ) -> Result<(), Refused> {
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let header = headers.get(token_header).map(HeaderValue::as_bytes);
        let is_token = |shown: &[u8]| token.is_some_and(|token| is_same(shown, token));
        if [bearer, header].into_iter().flatten().any(is_token) { Ok(()) } else { self.check_key(headers) }
    }
}

/// Takes the same time wherever the two differ.
fn is_same(shown: &[u8], expected: &str) -> bool {
    verify_slices_are_equal(shown, expected.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        Access::new("secret", &["https://app.example.com".into()])
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_request_is_for_this_server_and_from_no_foreign_page() {
        let origin = Some(HeaderValue::from_static("https://app.example.com"));
        for (why, sent, expected) in [
            ("curl", vec![("host", "127.0.0.1:9000")], Ok(None)),
            ("the name", vec![("host", "localhost:9000")], Ok(None)),
            ("no port", vec![("host", "localhost")], Ok(None)),
            ("no host", vec![], Err(Refused::Host)),
            ("two hosts", vec![("host", "127.0.0.1"), ("host", "127.0.0.1")], Err(Refused::Host)),
            ("a rebound name", vec![("host", "evil.example:9000")], Err(Refused::Host)),
            ("a name that begins alike", vec![("host", "localhost.evil.example")], Err(Refused::Host)),
            ("an address that begins alike", vec![("host", "127.0.0.1.evil.example")], Err(Refused::Host)),
            ("a user name", vec![("host", "evil.example@127.0.0.1")], Err(Refused::Host)),
            ("another address", vec![("host", "192.168.0.7:9000")], Err(Refused::Host)),
            ("all addresses", vec![("host", "0.0.0.0:9000")], Err(Refused::Host)),
            ("its own page", vec![("host", "localhost:9000"), ("origin", "http://localhost:9000")], Ok(None)),
            (
                "another port",
                vec![("host", "localhost:9000"), ("origin", "http://localhost:9001")],
                Err(Refused::Origin),
            ),
            (
                "the other name",
                vec![("host", "localhost:9000"), ("origin", "http://127.0.0.1:9000")],
                Err(Refused::Origin),
            ),
            (
                "https",
                vec![("host", "localhost:9000"), ("origin", "https://localhost:9000")],
                Err(Refused::Origin),
            ),
            ("a sandboxed page", vec![("host", "localhost:9000"), ("origin", "null")], Err(Refused::Origin)),
            ("an empty origin", vec![("host", "localhost:9000"), ("origin", "")], Err(Refused::Origin)),
            (
                "a foreign page",
                vec![("host", "localhost:9000"), ("origin", "https://evil.example")],
                Err(Refused::Origin),
            ),
            (
                "an allowed page",
                vec![("host", "localhost:9000"), ("origin", "https://app.example.com")],
                Ok(origin),
            ),
        ] {
            assert_eq!(access().check_source(&headers(&sent)), expected, "{why}");
        }
    }

    #[test]
    fn the_key_or_the_token_opens_what_chooses_a_caller() {
        for (why, sent, is_open) in [
            ("nothing", vec![], false),
            ("the key", vec![("x-agui-dev-key", "secret")], true),
            ("another key", vec![("x-agui-dev-key", "secreT")], false),
            ("the token", vec![("x-agui-token", "token")], true),
            ("the token as Bearer", vec![("authorization", "Bearer token")], true),
            ("a wrong token and the key", vec![("x-agui-token", "x"), ("x-agui-dev-key", "secret")], true),
            ("a wrong token", vec![("x-agui-token", "x")], false),
        ] {
            let checked = access().check_key_or_token(&headers(&sent), "x-agui-token", Some("token"));
            assert_eq!(checked.is_ok(), is_open, "{why}");
        }
        assert!(
            access().check_key(&headers(&[("x-agui-token", "secret")])).is_err(),
            "its own routes want the key"
        );
        let token = headers(&[("x-agui-token", "")]);
        assert!(access().check_key_or_token(&token, "x-agui-token", None).is_err(), "no token opens nothing");
    }
}
