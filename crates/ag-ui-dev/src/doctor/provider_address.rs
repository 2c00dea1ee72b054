//! The address of a provider, by the rules of the function. The function does not start with any other address, and
//! doctor sends no request to it, so that a key is sent only where the function would send it.

use std::net::IpAddr;

use reqwest::Url;

use super::machine::Machine;

/// Which forms the address of a provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A URL, which may have a query.
    WithQuery,
    /// A URL whose path ends with a version, which is added if a person has left it out.
    WithVersion(&'static str),
    /// A URL, or a host. The port of a host is 11434, unless it names another one.
    Host,
}

/// Reads the address in a variable, or the usual one if it is not set.
///
/// # Errors
/// Returns what is wrong with the address, without the address itself, in which a secret could be.
pub(super) fn read(machine: &Machine, variable: &str, usual: &str, form: Form) -> Result<Url, String> {
    let url = parse(machine.variable(variable).unwrap_or(usual), form).ok_or_else(|| {
        format!("{variable} is no http or https address of a server, without a user and a password")
    })?;
    let allows_http = machine.variable("AGUI_MODEL_ALLOW_HTTP") == Some("1");
    match allows_http || is_private(&url) {
        true => Ok(url),
        false => Err(format!(
            "{variable} is a plain http address of another machine, so that the network could read the key"
        )),
    }
}

/// Parses an address. `None` if it has not this form.
fn parse(text: &str, form: Form) -> Option<Url> {
    let is_host = form == Form::Host && !text.contains("://");
    let mut url = match is_host {
        true if text.starts_with(':') => Url::parse(&format!("http://127.0.0.1{text}")),
        true => Url::parse(&format!("http://{text}")),
        false => Url::parse(text),
    }
    .ok()?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let may_query = form == Form::WithQuery;
    if !matches!(url.scheme(), "http" | "https") || !is_bare || !(may_query || url.query().is_none()) {
        return None;
    }
    let mut path = url.path().trim_end_matches('/').to_owned();
    let has_version = path.rsplit('/').next().is_some_and(|last| last.starts_with("v1"));
    match form {
        Form::WithVersion(version) if !has_version => path += &format!("/{version}"),
        // The colons of an IPv6 address stand in brackets.
        Form::Host if is_host && !text.rsplit(']').next().is_some_and(|rest| rest.contains(':')) => {
            url.set_port(Some(11434)).ok()?;
        }
        Form::WithQuery | Form::WithVersion(_) | Form::Host => {}
    }
    url.set_path(&path);
    Some(url)
}

/// Whether nobody else can read what is sent to this address: it has TLS, or is on this machine.
fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    url.scheme() == "https" || host == "localhost" || host.parse().is_ok_and(is_loopback)
}

/// Returns the address with a path behind it.
pub(super) fn join(mut url: Url, path: &str) -> Url {
    let path = format!("{}/{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

/// Returns the address as it is printed: without its query, in which a key could be.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_the_forms_that_the_function_accepts() {
        use Form::{Host, WithQuery, WithVersion};
        for (form, text, expected) in [
            (WithQuery, "http://localhost:8080/v1/", Some("http://localhost:8080/v1/models")),
            (
                WithQuery,
                "https://a.example/v1/?api-version=1",
                Some("https://a.example/v1/models?api-version=1"),
            ),
            (WithQuery, "localhost:4010", None),
            (WithQuery, "gateway.example.com/v1", None),
            (WithQuery, "https://user:secret@a.example/v1", None),
            (WithQuery, "http://a.example/v1", None),
            (WithQuery, "file:///etc/passwd", None),
            (WithVersion("v1"), "https://a.example", Some("https://a.example/v1/models")),
            (WithVersion("v1"), "https://vllm.internal", Some("https://vllm.internal/v1/models")),
            (WithVersion("v1beta"), "https://a.example/v1", Some("https://a.example/v1/models")),
            (WithVersion("v1"), "https://a.example?x=1", None),
            (Host, "localhost", Some("http://localhost:11434/models")),
            (Host, ":11500", Some("http://127.0.0.1:11500/models")),
            (Host, "[::1]", Some("http://[::1]:11434/models")),
            (Host, "https://gpu.example", Some("https://gpu.example/models")),
            (Host, "gpu", None),
        ] {
            let machine = Machine::new(".".into(), [("BASE".into(), text.into())].into_iter());
            let url = read(&machine, "BASE", "", form).ok().map(|url| join(url, "models"));
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{text}");
        }
    }

    #[test]
    fn plain_http_to_another_machine_needs_a_permission() {
        let variables = [("BASE", "gpu"), ("AGUI_MODEL_ALLOW_HTTP", "1")];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let machine = Machine::new(".".into(), variables.into_iter());
        let url = read(&machine, "BASE", "", Form::Host).unwrap();
        assert_eq!(url.as_str(), "http://gpu:11434/");

        let machine = Machine::new(".".into(), [("BASE".into(), "gpu".into())].into_iter());
        let problem = read(&machine, "BASE", "", Form::Host).unwrap_err();
        assert!(problem.starts_with("BASE is a plain http address of another machine"), "{problem}");
    }

    #[test]
    fn query_is_not_printed() {
        let url = Url::parse("https://a.example/v1/models?key=secret").unwrap();
        assert_eq!(shown(&url), "https://a.example/v1/models");
    }
}
