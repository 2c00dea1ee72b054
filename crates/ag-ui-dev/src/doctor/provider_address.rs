//! The address of a provider, by the rules of the function. The function does not start with any other address, and
//! doctor sends no request to it, so that a key is sent only where the function would send it.

use std::net::IpAddr;

use reqwest::Url;

use super::confirmed::Unconfirmed;
use super::settings::{Setting, Settings};

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

/// The address of a provider.
#[derive(Debug)]
pub(super) struct Address {
    /// The address.
    pub(super) url: Url,
    /// Whether its server is one of the provider, and no gateway or server of somebody else.
    pub(super) is_of_provider: bool,
}

/// Reads the address in a variable of this shell or of template.yaml, or the usual one if neither sets it.
///
/// # Errors
/// Returns what is wrong with the address, without the address itself, in which a secret could be; or why it is not known.
pub(super) fn read(
    settings: Settings<'_>,
    variable: &str,
    usual: &str,
    form: Form,
) -> Result<Address, Unconfirmed> {
    let (text, source) = match settings.get(variable) {
        Setting::Unset => (usual.to_owned(), variable.to_owned()),
        Setting::Text { value, source } => (value, source),
        Setting::Undecided(reason) => return Err(Unconfirmed::Unknown(reason)),
    };
    let denied = |problem: &str| {
        let fix = format!(
            "correct {variable}. The function needs https, unless the server is on the same machine or AGUI_MODEL_ALLOW_HTTP=1 is set"
        );
        Unconfirmed::Denied(format!("{source} is {problem}"), fix)
    };
    let url = parse(&text, form)
        .ok_or_else(|| denied("no http or https address of a server, without a user and a password"))?;
    if !is_private(&url) {
        match settings.get("AGUI_MODEL_ALLOW_HTTP") {
            Setting::Text { value, .. } if value == "1" => {}
            Setting::Undecided(reason) => return Err(Unconfirmed::Unknown(reason)),
            Setting::Text { .. } | Setting::Unset => {
                return Err(denied(
                    "a plain http address of another machine, so that the network could read the key",
                ));
            }
        }
    }
    Ok(Address { is_of_provider: is_same_server(&url, usual), url })
}

/// Whether an address is on the usual server of a provider, or on one for a region, such as eu.api.openai.com.
fn is_same_server(url: &Url, usual: &str) -> bool {
    let Ok(usual) = Url::parse(usual) else { return false };
    let (Some(host), Some(usual)) = (url.host_str(), usual.host_str()) else { return false };
    host == usual || host.ends_with(&format!(".{usual}"))
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
    use super::super::machine::Machine;
    use super::super::project::Project;
    use super::*;

    /// Reads the address in the variable `BASE`, with these variables of the shell and these lines for variables in the template.
    fn read_base(shell: &[(&str, &str)], lines: &[&str], form: Form) -> Result<Address, Unconfirmed> {
        let variables = shell.iter().map(|(name, value)| (name.into(), value.into()));
        let machine = Machine::new(".".into(), variables);
        let text = format!(
            "Resources:\n  Agent:\n    Type: AWS::Serverless::Function\n    Properties:\n      Environment:\n        Variables:\n          AGUI_AUTH: token\n          {}\n",
            lines.join("\n          ")
        );
        let project = Project::of_template(&text);
        read(Settings { machine: &machine, project: &project }, "BASE", "https://api.example/v1", form)
    }

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
            let address = read_base(&[("BASE", text)], &[], form);
            let url = address.ok().map(|address| join(address.url, "models"));
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{text}");
        }
    }

    #[test]
    fn plain_http_to_another_machine_needs_a_permission() {
        let base = ("BASE", "gpu");
        let address = read_base(&[base, ("AGUI_MODEL_ALLOW_HTTP", "1")], &[], Form::Host).unwrap();
        assert_eq!(address.url.as_str(), "http://gpu:11434/");
        let address = read_base(&[base], &["AGUI_MODEL_ALLOW_HTTP: 1"], Form::Host).unwrap();
        assert_eq!(address.url.as_str(), "http://gpu:11434/");

        let Err(Unconfirmed::Denied(problem, _)) = read_base(&[base], &[], Form::Host) else {
            panic!("plain http is allowed");
        };
        assert!(problem.starts_with("BASE is a plain http address of another machine"), "{problem}");
        let result = read_base(&[base], &["AGUI_MODEL_ALLOW_HTTP: !If [A, 0, 1]"], Form::Host);
        assert!(matches!(result, Err(Unconfirmed::Unknown(_))), "{result:?}");
    }

    #[test]
    fn address_of_the_template_counts_if_the_shell_has_none() {
        let lines = ["BASE: https://gateway.example/v1"];
        let host = |address: Address| address.url.host_str().map(ToOwned::to_owned);
        let address = read_base(&[], &lines, Form::WithQuery).unwrap();
        assert!(!address.is_of_provider);
        assert_eq!(host(address).as_deref(), Some("gateway.example"));
        let address = read_base(&[("BASE", "https://shell.example")], &lines, Form::WithQuery).unwrap();
        assert_eq!(host(address).as_deref(), Some("shell.example"));

        let result = read_base(&[], &["BASE: !If [A, 'https://a.example', '']"], Form::WithQuery);
        assert!(matches!(result, Err(Unconfirmed::Unknown(_))), "{result:?}");
        let Err(Unconfirmed::Denied(problem, _)) = read_base(&[], &["BASE: gateway"], Form::WithQuery) else {
            panic!("a name is no address");
        };
        assert!(problem.starts_with("BASE in template.yaml:8 is no http or https address"), "{problem}");
    }

    #[test]
    fn servers_of_the_provider_are_known() {
        for (text, expected) in [
            ("https://api.example/v1", true),
            ("https://eu.api.example/v1", true),
            ("https://notapi.example/v1", false),
            ("https://gateway.example/v1", false),
        ] {
            let address = read_base(&[("BASE", text)], &[], Form::WithQuery).unwrap();
            assert_eq!(address.is_of_provider, expected, "{text}");
        }
        assert!(read_base(&[], &[], Form::WithQuery).unwrap().is_of_provider);
    }

    #[test]
    fn query_is_not_printed() {
        let url = Url::parse("https://a.example/v1/models?key=secret").unwrap();
        assert_eq!(shown(&url), "https://a.example/v1/models");
    }
}
