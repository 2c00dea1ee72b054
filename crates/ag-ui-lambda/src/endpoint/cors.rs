//! CORS: the pages of which other origins may call an endpoint and read its responses.
//!
//! The endpoint never reads a cookie, so these headers protect nothing of the caller: every request has to carry its own proof.
//! They keep pages of other origins from using what a person has in a browser by mistake.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{Method, Response, StatusCode, Uri};

use super::body::ResponseBody;
use super::extensions::CorsOfEntryPoint;

/// The origin that stands for all.
const ANY: &str = "*";
/// The headers that a page may send. The header of the shared token is not among them, because a page must not have it.
const ALLOWED_HEADERS: &str =
    "accept, authorization, content-type, last-event-id, x-agui-user-token, x-copilotcloud-public-api-key";
/// The headers of a response that a page may read, beside those that it may always.
const EXPOSED_HEADERS: &str = "retry-after, www-authenticate";
/// For how many seconds a browser may keep the answer to a preflight.
const MAX_AGE_S: &str = "3600";

/// The origins whose pages may call an endpoint and read its responses. By default there are none.
///
/// ```
/// use ag_ui_lambda::endpoint::{CorsOrigins, InvalidOriginError};
///
/// let origins = CorsOrigins::new(["https://app.example.com", "http://localhost:3000"])?;
/// assert!(CorsOrigins::new(["https://app.example.com/chat"]).is_err());
/// # Ok::<(), InvalidOriginError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsOrigins {
    /// Whether the pages of every origin may.
    is_any: bool,
    /// The origins as browsers write them.
    listed: Vec<HeaderValue>,
}

/// A text is not the origin of a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{origin}` is not an origin: write it as browsers do, such as https://app.example.com, without a path and without a \
     slash at its end, or `*` for all"
)]
pub struct InvalidOriginError {
    /// The text.
    origin: String,
}

impl CorsOrigins {
    /// Creates the list of these origins. `*` stands for all.
    ///
    /// A browser compares the header of a response with the origin of its page letter by letter, so an origin has to be written
    /// as browsers do: `http` or `https`, the host in lower case, and the port unless it is the usual one.
    ///
    /// # Errors
    /// [`InvalidOriginError`] names the first text that is no origin.
    pub fn new<O: AsRef<str>>(origins: impl IntoIterator<Item = O>) -> Result<Self, InvalidOriginError> {
        let mut allowed = Self::default();
        for origin in origins {
            let origin = origin.as_ref();
            match parse_origin(origin) {
                _ if origin == ANY => allowed.is_any = true,
                Some(origin) => allowed.listed.push(origin),
                None => return Err(InvalidOriginError { origin: origin.to_owned() }),
            }
        }
        Ok(allowed)
    }

    /// Whether no page of another origin may call the endpoint.
    pub fn is_empty(&self) -> bool {
        !self.is_any && self.listed.is_empty()
    }

    /// Returns the response to a preflight, the request with which a browser asks what a page may send. `None` for any
    /// other request, and if the endpoint leaves preflights to others. Its headers are added by [`add_headers`](Self::add_headers).
    pub(super) fn answer_preflight(&self, head: &Parts) -> Option<Response<ResponseBody>> {
        let is_preflight = head.method == Method::OPTIONS && head.headers.contains_key(ORIGIN);
        if !is_preflight || self.are_left_to_entry_point(head) {
            return None;
        }
        let mut response = Response::new(ResponseBody::full(""));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
            (ACCESS_CONTROL_MAX_AGE, MAX_AGE_S),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Some(response)
    }

    /// Adds to a response the headers that let the page read it from which the request `head` came, if the page may.
    pub(super) fn add_headers(&self, head: &Parts, headers: &mut HeaderMap) {
        if self.are_left_to_entry_point(head) {
            return;
        }
        let origin = head.headers.get(ORIGIN);
        let allowed = match (self.is_any, origin, self.listed.as_slice()) {
            (true, ..) => Some(HeaderValue::from_static(ANY)),
            (false, Some(origin), listed) => listed.iter().find(|listed| *listed == origin).cloned(),
            // No page has sent a request without an origin. The header is written all the same where it cannot differ.
            (false, None, [only]) => Some(only.clone()),
            (false, None, _) => None,
        };
        if !self.is_any {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(allowed) = allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }

    /// Whether the endpoint does nothing about CORS for this request: no origin is allowed, or the entry point in front of it
    /// answers preflights and writes the headers itself. A browser refuses a response that has them twice.
    fn are_left_to_entry_point(&self, head: &Parts) -> bool {
        self.is_empty() || head.extensions.get::<CorsOfEntryPoint>().is_some()
    }
}

/// Copies the CORS headers of a response to the one that is sent in its place.
pub(super) fn copy_headers(from: &HeaderMap, to: &mut HeaderMap) {
    for name in [VARY, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS] {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
}

/// Checks the origin of a page, and returns it as the value of a header. `None` if no browser would write it so.
fn parse_origin(origin: &str) -> Option<HeaderValue> {
    let is_origin = |uri: Uri| {
        let authority = uri.authority()?.as_str();
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
        let is_as_browsers_write_it =
            !authority.contains(|c: char| matches!(c, '@' | '*') || c.is_uppercase());
        Some(is_as_browsers_write_it && origin == format!("{scheme}://{authority}"))
    };
    let is_usable = origin.parse().ok().and_then(is_origin) == Some(true);
    is_usable.then(|| HeaderValue::try_from(origin).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const APP: &str = "https://app.example.com";
    const LOCAL: &str = "http://localhost:3000";

    /// Builds the head of a request from a page of this origin, or from no page.
    fn head(method: Method, origin: Option<&str>) -> Parts {
        let request = Request::builder().method(method);
        let request = origin.into_iter().fold(request, |request, origin| request.header(ORIGIN, origin));
        request.body(()).unwrap().into_parts().0
    }

    /// Returns the values of the headers `access-control-allow-origin` and `vary` of a response to a request.
    fn written(origins: &CorsOrigins, head: &Parts) -> (Option<String>, Option<String>) {
        let mut headers = HeaderMap::new();
        origins.add_headers(head, &mut headers);
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
        (text(ACCESS_CONTROL_ALLOW_ORIGIN), text(VARY))
    }

    #[test]
    fn only_origins_as_browsers_write_them_are_taken() {
        for (origin, is_taken) in [
            ("*", true),
            (APP, true),
            (LOCAL, true),
            ("https://app.example.com:8443", true),
            ("https://app.example.com/", false),
            ("https://app.example.com/chat", false),
            ("https://app.example.com?x=y", false),
            ("https://*.example.com", false),
            ("https://user@app.example.com", false),
            ("https://App.Example.com", false),
            ("ftp://x", false),
            ("app.example.com", false),
            ("null", false),
            ("", false),
        ] {
            let taken = CorsOrigins::new([APP, origin]);
            assert_eq!(taken.is_ok(), is_taken, "{origin}");
            if let Err(error) = taken {
                assert!(error.to_string().starts_with(&format!("`{origin}` is not an origin")), "{error}");
            }
        }
    }

    #[test]
    fn origin_that_asks_is_written_if_it_is_listed() {
        let vary = || Some("origin".to_owned());
        let one = CorsOrigins::new([APP]).unwrap();
        let two = CorsOrigins::new([APP, LOCAL]).unwrap();
        let any = CorsOrigins::new(["*"]).unwrap();
        let any_and_one = CorsOrigins::new([APP, "*"]).unwrap();
        for (why, origins, asks, allowed, vary) in [
            ("no origin is allowed", &CorsOrigins::default(), Some(APP), None, None),
            ("the only one", &one, Some(APP), Some(APP), vary()),
            ("another one", &one, Some(LOCAL), None, vary()),
            ("no page, and only one is allowed", &one, None, Some(APP), vary()),
            ("the second of two", &two, Some(LOCAL), Some(LOCAL), vary()),
            ("no page, and two are allowed", &two, None, None, vary()),
            ("an origin that begins alike", &two, Some("https://app.example.com.evil.example"), None, vary()),
            ("another scheme", &two, Some("http://app.example.com"), None, vary()),
            ("a sandboxed page", &two, Some("null"), None, vary()),
            ("all", &any, Some("https://evil.example"), Some("*"), None),
            ("all, one of them by name", &any_and_one, Some(APP), Some("*"), None),
        ] {
            let expected = (allowed.map(ToOwned::to_owned), vary);
            assert_eq!(written(origins, &head(Method::POST, asks)), expected, "{why}");
        }
    }

    #[test]
    fn preflight_is_answered_without_the_header_of_the_shared_token() {
        let origins = CorsOrigins::new([APP]).unwrap();

        let response = origins.answer_preflight(&head(Method::OPTIONS, Some(APP))).unwrap();

        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let allowed = response.headers()[ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
        let allowed: Vec<&str> = allowed.split(", ").collect();
        assert!(
            ["authorization", "content-type", "x-agui-user-token"].iter().all(|name| allowed.contains(name))
        );
        assert!(!allowed.contains(&"x-agui-token"), "{allowed:?}");
        for (why, origins, head) in [
            ("another method", &origins, head(Method::POST, Some(APP))),
            ("no page", &origins, head(Method::OPTIONS, None)),
            ("no origin is allowed", &CorsOrigins::default(), head(Method::OPTIONS, Some(APP))),
        ] {
            assert!(origins.answer_preflight(&head).is_none(), "{why}");
        }
    }

    #[test]
    fn entry_point_that_writes_the_headers_is_left_alone() {
        let origins = CorsOrigins::new([APP]).unwrap();
        let mut head = head(Method::OPTIONS, Some(APP));
        head.extensions.insert(CorsOfEntryPoint);

        assert!(origins.answer_preflight(&head).is_none());
        assert_eq!(written(&origins, &head), (None, None));
    }
}
