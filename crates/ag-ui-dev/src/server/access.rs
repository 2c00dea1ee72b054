//! Checks who may send requests to the development server.
//!
//! A page of another site can make a browser send requests to this machine. It can neither choose the header `Host`, nor
//! leave out `Origin` where that matters, and it does not know the secret. Each of the three is checked by itself.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};

/// The header with the secret, for the server's own routes.
pub(super) const KEY_HEADER: HeaderName = HeaderName::from_static("x-agui-dev-key");

/// The names that the server accepts in the header `Host`. If it accepted others, a page could make its own name resolve to
/// this machine, and the browser would take the server for a part of that page's site (DNS rebinding).
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// Checks that requests come from somebody who may use the server.
pub(super) struct Access {
    secret: String,
    allowed_origins: Vec<String>,
}

/// The error for a request that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AccessError {
    #[error("This server answers to the hosts 127.0.0.1 and localhost only.")]
    Host,
    #[error("Pages of this origin may not use this server. AGUI_CORS_ORIGINS names the origins that may.")]
    Origin,
    #[error(
        "The header x-agui-dev-key is missing or wrong. The address that the terminal printed has the key behind #key=."
    )]
    Key,
}

impl AccessError {
    /// Returns the HTTP status of the response to a request that was refused for this reason.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::Origin => StatusCode::FORBIDDEN,
            Self::Key => StatusCode::UNAUTHORIZED,
        }
    }

    /// Returns the error code in the JSON of the response to a request that was refused for this reason.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Host | Self::Origin => "FORBIDDEN",
            Self::Key => "UNAUTHENTICATED",
        }
    }
}

impl Access {
    /// Creates the checks. `secret` is what requests must have in a header, and `allowed_origins` are the origins of other
    /// pages that may use the server, or `*` for all.
    pub(super) fn new(secret: &str, allowed_origins: &[String]) -> Self {
        Self { secret: secret.to_owned(), allowed_origins: allowed_origins.to_vec() }
    }

    /// Checks the headers `Host` and `Origin` of a request: the request must be for this server, and come from a program,
    /// from the server's own page or from a page of an allowed origin.
    ///
    /// Returns the origin of the page if that is an allowed foreign one, for the CORS headers; `None` otherwise.
    pub(super) fn check_source(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, AccessError> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(AccessError::Host) };
        let host = host.to_str().map_err(|_| AccessError::Host)?;
        let authority: Uri = host.parse().map_err(|_| AccessError::Host)?;
        if !authority.host().is_some_and(|name| HOSTS.contains(&name)) || host.contains('@') {
            return Err(AccessError::Host);
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(None),
            (Some(origin), None) if origin.as_bytes() == format!("http://{host}").as_bytes() => Ok(None),
            (Some(origin), None)
                if self.allowed_origins.iter().any(|allowed| allowed == "*" || allowed == origin) =>
            {
                Ok(Some(origin.clone()))
            }
            _ => Err(AccessError::Origin),
        }
    }

    /// Checks that a request to one of the server's own routes has the secret in the header `x-agui-dev-key`.
    pub(super) fn check_key(&self, headers: &HeaderMap) -> Result<(), AccessError> {
        let is_right = headers.get(KEY_HEADER).is_some_and(|key| is_same(key.as_bytes(), &self.secret));
        if is_right { Ok(()) } else { Err(AccessError::Key) }
    }

    /// Checks a request that chooses its caller: it must have the secret in the header `x-agui-dev-key`, or the function's
    /// shared `token` as a Bearer token or in the header `token_header`. If `token` is `None`, only the secret counts.
    pub(super) fn check_key_or_token(
        &self,
        headers: &HeaderMap,
        token_header: &str,
        token: Option<&str>,
    ) -> Result<(), AccessError> {
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let header = headers.get(token_header).map(HeaderValue::as_bytes);
        let is_token = |given: &[u8]| token.is_some_and(|token| is_same(given, token));
        if [bearer, header].into_iter().flatten().any(is_token) { Ok(()) } else { self.check_key(headers) }
    }
}

/// Whether `given` equals the secret. The comparison takes the same time wherever they differ, so its time reveals nothing.
fn is_same(given: &[u8], expected: &str) -> bool {
    verify_slices_are_equal(given, expected.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns access checks with the secret `secret` and one allowed origin.
    fn access() -> Access {
        Access::new("secret", &["https://app.example.com".into()])
    }

    /// Builds request headers from pairs of a name and a value.
    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn requests_for_other_hosts_or_from_foreign_pages_are_refused() {
        let origin = Some(HeaderValue::from_static("https://app.example.com"));
        for (why, sent, expected) in [
            ("curl", vec![("host", "127.0.0.1:9000")], Ok(None)),
            ("the name", vec![("host", "localhost:9000")], Ok(None)),
            ("no port", vec![("host", "localhost")], Ok(None)),
            ("no host", vec![], Err(AccessError::Host)),
            ("two hosts", vec![("host", "127.0.0.1"), ("host", "127.0.0.1")], Err(AccessError::Host)),
            ("a rebound name", vec![("host", "evil.example:9000")], Err(AccessError::Host)),
            ("a name that begins alike", vec![("host", "localhost.evil.example")], Err(AccessError::Host)),
            (
                "an address that begins alike",
                vec![("host", "127.0.0.1.evil.example")],
                Err(AccessError::Host),
            ),
            ("a user name", vec![("host", "evil.example@127.0.0.1")], Err(AccessError::Host)),
            ("another address", vec![("host", "192.168.0.7:9000")], Err(AccessError::Host)),
            ("all addresses", vec![("host", "0.0.0.0:9000")], Err(AccessError::Host)),
            ("its own page", vec![("host", "localhost:9000"), ("origin", "http://localhost:9000")], Ok(None)),
            (
                "another port",
                vec![("host", "localhost:9000"), ("origin", "http://localhost:9001")],
                Err(AccessError::Origin),
            ),
            (
                "the other name",
                vec![("host", "localhost:9000"), ("origin", "http://127.0.0.1:9000")],
                Err(AccessError::Origin),
            ),
            (
                "https",
                vec![("host", "localhost:9000"), ("origin", "https://localhost:9000")],
                Err(AccessError::Origin),
            ),
            (
                "a sandboxed page",
                vec![("host", "localhost:9000"), ("origin", "null")],
                Err(AccessError::Origin),
            ),
            ("an empty origin", vec![("host", "localhost:9000"), ("origin", "")], Err(AccessError::Origin)),
            (
                "a foreign page",
                vec![("host", "localhost:9000"), ("origin", "https://evil.example")],
                Err(AccessError::Origin),
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
    fn star_stands_for_every_origin() {
        let access = Access::new("secret", &["*".into()]);
        let sent = headers(&[("host", "localhost:9000"), ("origin", "https://any.example")]);
        assert_eq!(access.check_source(&sent), Ok(Some(HeaderValue::from_static("https://any.example"))));
    }

    #[test]
    fn key_or_token_allows_to_choose_the_caller() {
        for (why, sent, is_allowed) in [
            ("nothing", vec![], false),
            ("the key", vec![("x-agui-dev-key", "secret")], true),
            ("another key", vec![("x-agui-dev-key", "secreT")], false),
            ("the token", vec![("x-agui-token", "token")], true),
            ("the token as Bearer", vec![("authorization", "Bearer token")], true),
            ("a wrong token and the key", vec![("x-agui-token", "x"), ("x-agui-dev-key", "secret")], true),
            ("a wrong token", vec![("x-agui-token", "x")], false),
        ] {
            let checked = access().check_key_or_token(&headers(&sent), "x-agui-token", Some("token"));
            assert_eq!(checked.is_ok(), is_allowed, "{why}");
        }
        assert!(
            access().check_key(&headers(&[("x-agui-token", "secret")])).is_err(),
            "the server's own routes need the key"
        );
        let token = headers(&[("x-agui-token", "")]);
        assert!(
            access().check_key_or_token(&token, "x-agui-token", None).is_err(),
            "without a token an empty header is not enough"
        );
    }
}
