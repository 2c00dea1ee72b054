//! The check of CORS: pages of one origin may call the endpoint, and pages of others may not.

use http::HeaderMap;
use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN};

use super::endpoint_client::EndpointClient;
use super::report::Finding;

const CHECK: &str = "cors";
/// An origin that no endpoint allows by its name.
const OTHER: &str = "https://not-allowed.invalid";

/// A page that calls the endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    /// Its origin, such as `https://app.example`.
    pub(super) origin: &'a str,
    /// The headers that it sends and that a browser asks for, in lower case and with commas.
    pub(super) headers: &'static str,
}

/// Asks for a preflight of a run, as a browser does, for the page and for one of another origin; and reads the headers of a
/// response that is no preflight. `stored` are the origins that the deployed stack has.
pub(super) async fn check(client: &EndpointClient<'_>, page: &Page<'_>, stored: Option<&str>) -> Finding {
    let heads = Heads {
        allowed: head(client.preflight(page.origin, page.headers).await),
        other: head(client.preflight(OTHER, page.headers).await),
        actual: client.health(Some(page.origin)).await.ok().map(|response| response.headers().clone()),
    };
    judge(page, stored, &heads)
}

/// The heads of three responses. A preflight that is refused has none.
#[derive(Debug, Default)]
struct Heads {
    /// The preflight of the origin.
    allowed: Option<HeaderMap>,
    /// The preflight of another origin.
    other: Option<HeaderMap>,
    /// A response to the origin that is no preflight.
    actual: Option<HeaderMap>,
}

/// Returns the head of a preflight that has succeeded.
fn head(response: Result<reqwest::Response, String>) -> Option<HeaderMap> {
    let response = response.ok().filter(|response| response.status().is_success())?;
    Some(response.headers().clone())
}

/// Decides about a page. `stored` are the origins that the deployed stack has.
fn judge(page: &Page<'_>, stored: Option<&str>, heads: &Heads) -> Finding {
    let origin = page.origin;
    let setting =
        "AllowedOrigins of template.yaml, or AGUI_CORS_ORIGINS where the function answers preflights itself";
    let origins = |head: &Option<HeaderMap>| {
        let values = head.iter().flat_map(|head| head.get_all(ACCESS_CONTROL_ALLOW_ORIGIN));
        values.filter_map(|value| value.to_str().ok()).map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    let (named, foreign, sent) = (origins(&heads.allowed), origins(&heads.other), origins(&heads.actual));
    if named.len() > 1 || sent.len() > 1 {
        let fix =
            "let only one of both write it: empty AGUI_CORS_ORIGINS where a function URL has its own Cors";
        return Finding::failed(
            CHECK,
            "the header access-control-allow-origin comes twice, which a browser refuses",
            fix,
        );
    }
    let is_open = |origins: &[String], origin: &str| {
        origins.first().is_some_and(|value| value == origin || value == "*")
    };
    if !is_open(&named, origin) || !is_open(&sent, origin) {
        let what =
            if is_open(&named, origin) { "cannot read responses" } else { "may not call the endpoint" };
        let stored = stored.map(|origins| format!("{origins},")).unwrap_or_default();
        let fix = format!("add it to {setting}:\n  make deploy PARAMETERS='AllowedOrigins={stored}{origin}'");
        return Finding::failed(CHECK, format!("pages of {origin} {what}"), fix);
    }
    let headers = heads.allowed.as_ref().and_then(|head| head.get(ACCESS_CONTROL_ALLOW_HEADERS));
    let headers = headers.and_then(|value| value.to_str().ok());
    let headers = headers.unwrap_or_default().to_ascii_lowercase();
    let missing = page
        .headers
        .split(',')
        .find(|name| headers != "*" && !headers.split(',').any(|header| header.trim() == *name));
    if let Some(missing) = missing {
        let problem = format!("pages of {origin} may not send the header {missing}");
        return Finding::failed(CHECK, problem, "add it to AllowHeaders of the URL in template.yaml");
    }
    if named == ["*"] {
        return Finding::ok(CHECK, "pages of every origin may call (*)");
    }
    if is_open(&foreign, OTHER) {
        let fix = format!("list the origins of your pages in {setting}");
        return Finding::failed(
            CHECK,
            "pages of every origin may call, because the origin that asks is repeated",
            fix,
        );
    }
    Finding::ok(CHECK, format!("pages of {origin} may call, and those of another origin may not"))
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    #[test]
    fn only_the_named_origin_may_call() {
        let head = |pairs: &[(&'static str, &str)]| {
            let mut head = HeaderMap::new();
            for (name, value) in pairs {
                head.append(*name, value.parse().unwrap());
            }
            head
        };
        let (page, allow, headers) =
            ("https://a.example", "access-control-allow-origin", "access-control-allow-headers");
        let right = head(&[(allow, page), (headers, "Content-Type, Authorization")]);
        let every = head(&[(allow, "*"), (headers, "*")]);
        let twice = head(&[(allow, page), (allow, page), (headers, "*")]);
        let narrow = head(&[(allow, page), (headers, "content-type")]);
        let echo = head(&[(allow, OTHER)]);
        let nothing = HeaderMap::new();
        for (why, allowed, other, actual, expected) in [
            ("as it should be", Some(&right), None, &right, None),
            ("another one is answered without a header", Some(&right), Some(&nothing), &right, None),
            ("every origin", Some(&every), Some(&every), &every, None),
            ("a preflight that is refused", None, None, &right, Some("may not call")),
            ("no header", Some(&nothing), None, &right, Some("may not call")),
            ("a response without the header", Some(&right), None, &nothing, Some("cannot read")),
            ("twice", Some(&twice), None, &right, Some("twice")),
            ("twice in the response", Some(&right), None, &twice, Some("twice")),
            ("a header that is not allowed", Some(&narrow), None, &right, Some("authorization")),
            ("whoever asks", Some(&right), Some(&echo), &right, Some("every origin")),
        ] {
            let heads =
                Heads { allowed: allowed.cloned(), other: other.cloned(), actual: Some(actual.clone()) };
            let page = Page { origin: page, headers: "authorization,content-type" };
            match (judge(&page, None, &heads).outcome, expected) {
                (Outcome::Ok(_), None) => {}
                (Outcome::Failed { problem, .. }, Some(expected)) => {
                    assert!(problem.contains(expected), "{why}: {problem}");
                }
                (outcome, _) => panic!("{why}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn fix_keeps_the_origins_that_are_there() {
        let page = Page { origin: "https://b.example", headers: "authorization,content-type" };
        let Outcome::Failed { fix, .. } = judge(&page, Some("https://a.example"), &Heads::default()).outcome
        else {
            panic!("it is allowed");
        };
        assert!(fix.contains("AllowedOrigins=https://a.example,https://b.example'"), "{fix}");
    }
}
