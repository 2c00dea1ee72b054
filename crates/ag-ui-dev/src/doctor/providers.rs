//! The check of providers outside of AWS: one request for their list of models, which costs nothing.

use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

use super::account::Account;
use super::confirmed::{Confirmed, Unconfirmed};
use super::http_client::http_client;
use super::models::{Models, key_variable};
use super::provider_address::{self, Form};
use super::report::Finding;
use super::secrets::Secrets;
use super::settings::{Setting, Settings};

const CHECK: &str = "provider";
/// Why there is nothing to check.
const NO_MODEL: &str = "no model is one of a provider outside of AWS";
/// Why a provider is not asked.
const NOT_ASKED: &str = "only OpenAI, Anthropic, Gemini and Ollama are asked for their models";
/// How long the list of models may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A provider that can be asked.
struct Provider {
    adapter: &'static str,
    /// The variable with another address.
    base_variable: &'static str,
    base: &'static str,
    /// The path behind the address that lists or describes models.
    path: fn(&str) -> String,
    /// Which forms the address has.
    form: Form,
    /// How the key is sent.
    headers: fn(&str) -> Vec<(&'static str, String)>,
}

/// The providers that are asked, in the order of the documentation.
const PROVIDERS: [Provider; 5] = [
    Provider { adapter: "openai", ..OPENAI },
    Provider { adapter: "openai-responses", ..OPENAI },
    Provider {
        adapter: "anthropic",
        base_variable: "ANTHROPIC_BASE_URL",
        base: "https://api.anthropic.com/v1",
        path: |model| format!("models/{model}"),
        form: Form::WithVersion("v1"),
        headers: |key| vec![("x-api-key", key.to_owned()), ("anthropic-version", "2023-06-01".to_owned())],
    },
    Provider {
        adapter: "gemini",
        base_variable: "GOOGLE_GEMINI_BASE_URL",
        base: "https://generativelanguage.googleapis.com/v1beta",
        path: |model| format!("models/{model}"),
        form: Form::WithVersion("v1beta"),
        headers: |key| vec![("x-goog-api-key", key.to_owned())],
    },
    Provider {
        adapter: "ollama",
        base_variable: "OLLAMA_HOST",
        base: "http://127.0.0.1:11434",
        path: |_| "api/tags".to_owned(),
        form: Form::Host,
        headers: |_| Vec::new(),
    },
];

const OPENAI: Provider = Provider {
    adapter: "",
    base_variable: "OPENAI_BASE_URL",
    base: "https://api.openai.com/v1",
    path: |_| "models".to_owned(),
    form: Form::WithQuery,
    headers: |key| vec![("authorization", format!("Bearer {key}"))],
};

/// What a provider has answered.
struct Answer {
    /// The address as it is printed.
    url: String,
    status: u16,
    text: String,
    /// Whether the list of models is complete. A gateway may know more models than it lists, or take any name.
    is_complete: bool,
}

/// Asks the provider of each model for its models.
pub(super) async fn check(
    settings: Settings<'_>,
    models: &Models,
    account: &Account,
    secrets: &Secrets,
) -> Finding {
    let mut found = Confirmed::default();
    for (adapter, model) in &models.names {
        let result = match PROVIDERS.iter().find(|provider| provider.adapter == adapter) {
            Some(_) if account.aws().is_err_and(|reason| reason.starts_with("--local")) => {
                return Finding::skipped(CHECK, "--local asks nothing of a provider");
            }
            Some(provider) => provider.confirm(settings, model, secrets).await,
            None if key_variable(adapter).is_some() => Err(Unconfirmed::Unknown(NOT_ASKED.to_owned())),
            None => continue,
        };
        if let Err((problem, fix)) = found.add(&format!("{adapter}/{model}"), result) {
            return Finding::failed(CHECK, problem, fix);
        }
    }
    found.finding(CHECK, NO_MODEL, |usable| format!("{usable} can be asked"))
}

impl Provider {
    /// Asks for the models with the key and the address that the function would use.
    async fn confirm(
        &self,
        settings: Settings<'_>,
        model: &str,
        secrets: &Secrets,
    ) -> Result<(), Unconfirmed> {
        let Self { adapter, base_variable, .. } = self;
        let key = match key_variable(adapter) {
            Some(variable) => {
                let key = secrets
                    .keys
                    .get(variable)
                    .ok_or_else(|| Unconfirmed::Unknown(format!("there is no key for {adapter}")))?;
                self.check_origins(settings, variable, key)?;
                key.as_str()
            }
            None => "",
        };
        let address = provider_address::read(settings, base_variable, self.base, self.form)?;
        let is_complete = address.is_of_provider || *adapter == "ollama";
        let url = provider_address::join(address.url, &(self.path)(model));
        let (status, text) = self.ask(settings, &url, key).await?;
        self.judge(model, &Answer { url: provider_address::shown(&url), status, text, is_complete })
    }

    /// Checks that the key is one for the address: both are those of this shell, or both are those of the deployed function.
    /// Otherwise the key of one company could be sent to another one.
    fn check_origins(&self, settings: Settings<'_>, variable: &str, key: &str) -> Result<(), Unconfirmed> {
        let base = self.base_variable;
        let is_key_of_shell =
            settings.of_shell(variable) == Some(key) || settings.of_shell("AGUI_MODEL_SECRET_ID").is_some();
        let address_of_shell = settings.of_shell(base);
        // An address that is not known yet is refused when it is read.
        let is_same = settings.of_template(base).text() == address_of_shell;
        if is_key_of_shell == address_of_shell.is_some() || is_same {
            return Ok(());
        }
        let reason = match is_key_of_shell {
            true => format!(
                "the key is one of this shell, and {base} is only in template.yaml, so that the key may be one for another server. Set {base} here, too"
            ),
            false => format!(
                "the key is that of the deployed function, and {base} of this shell is not that of template.yaml, so that the key may be one for another server"
            ),
        };
        Err(Unconfirmed::Unknown(reason))
    }

    /// Sends the request, and returns the status and the text of the answer.
    async fn ask(&self, settings: Settings<'_>, url: &Url, key: &str) -> Result<(u16, String), Unconfirmed> {
        let mut request = http_client().get(url.clone()).timeout(TIMEOUT);
        for (name, value) in (self.headers)(key) {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|_| self.unreachable(settings, url))?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.unwrap_or_default()))
    }

    /// Returns what it means that nothing answers. The network of the function may reach what this machine does not.
    fn unreachable(&self, settings: Settings<'_>, url: &Url) -> Unconfirmed {
        let variable = self.base_variable;
        let problem = format!("{} cannot be reached", provider_address::shown(url));
        if settings.of_shell(variable).is_none() && settings.of_template(variable) != Setting::Unset {
            return Unconfirmed::Unknown(format!("{problem} from this machine"));
        }
        let fix = match self.adapter {
            "ollama" => "start it, or name its address in OLLAMA_HOST:\n  ollama serve".to_owned(),
            _ => format!("check the network, and the address in {variable} if it is set"),
        };
        Unconfirmed::Denied(problem, fix)
    }

    /// Decides about a model by what the provider has answered.
    fn judge(&self, model: &str, answer: &Answer) -> Result<(), Unconfirmed> {
        let Self { adapter, base_variable, .. } = self;
        let Answer { url, status, text, is_complete } = answer;
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        let variable = key_variable(adapter).unwrap_or_default();
        let unknown = |reason: String| Err(Unconfirmed::Unknown(reason));
        let denied = |problem: String, fix: String| Err(Unconfirmed::Denied(problem, fix));
        let no_model = || denied(format!("{adapter} has no model {model}"), self.fix_unknown(model));
        // Gemini refuses a wrong key with 400.
        if *status == 401 || text.contains("API_KEY_INVALID") {
            return denied(
                format!("{adapter} does not accept the key in {variable} ({status})"),
                format!("set a valid key in {variable}, or in the secret of the model's keys"),
            );
        }
        match status {
            403 => {
                unknown(format!("{url} answers 403. A key that may not list models may still send messages"))
            }
            404 | 405 | 501 if !is_complete => {
                unknown(format!("{url} answers {status}, as a server without a list of models does"))
            }
            404 => no_model(),
            200 => match lists(&body, model) {
                Some(true) => Ok(()),
                Some(false) if !is_complete => {
                    unknown(format!("{url} does not list it, and the server may take it nevertheless"))
                }
                Some(false) => no_model(),
                None if body["id"].is_string() || body["name"].is_string() => Ok(()),
                None => denied(
                    format!("{url} is answered with 200, but not as {adapter} does"),
                    format!("correct the address in {base_variable}"),
                ),
            },
            _ => denied(
                format!("{url} answers {status}"),
                "try again later; the page of the provider's status may say more".to_owned(),
            ),
        }
    }

    /// Returns what to do if the provider does not have the model.
    fn fix_unknown(&self, model: &str) -> String {
        match self.adapter {
            "ollama" => format!("  ollama pull {model}"),
            _ => "write its id as the provider's documentation has it".to_owned(),
        }
    }
}

/// Whether a list of models has this one; `None` if the answer is no list, such as the description of one model.
fn lists(body: &Value, model: &str) -> Option<bool> {
    let items = body["data"].as_array().or_else(|| body["models"].as_array())?;
    let names = items.iter().filter_map(|item| item["id"].as_str().or_else(|| item["name"].as_str()));
    // Ollama's names have a tag, by default `latest`.
    Some(names.into_iter().any(|name| name == model || name.strip_suffix(":latest") == Some(model)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::machine::Machine;
    use super::super::project::Project;
    use super::*;

    /// Returns the provider of an adapter.
    fn provider(adapter: &str) -> &'static Provider {
        PROVIDERS.iter().find(|provider| provider.adapter == adapter).unwrap()
    }

    /// Returns a machine with these variables.
    fn machine(variables: &[(&str, &str)]) -> Machine {
        Machine::new(".".into(), variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    /// Returns a project whose function has this line among its variables.
    fn project(line: &str) -> Project {
        let text = format!(
            "Resources:\n  Agent:\n    Type: AWS::Serverless::Function\n    Properties:\n      Environment:\n        Variables:\n          AGUI_AUTH: token\n          {line}\n"
        );
        Project::of_template(&text)
    }

    #[test]
    fn addresses_have_the_version_that_the_provider_needs() {
        for (adapter, variable, value, url) in [
            ("openai", "", "", "https://api.openai.com/v1/models"),
            ("openai", "OPENAI_BASE_URL", "http://localhost:8080/v1/", "http://localhost:8080/v1/models"),
            ("anthropic", "ANTHROPIC_BASE_URL", "https://a.example", "https://a.example/v1/models/m"),
            ("anthropic", "", "", "https://api.anthropic.com/v1/models/m"),
            ("gemini", "GOOGLE_GEMINI_BASE_URL", "https://a.example/v1", "https://a.example/v1/models/m"),
            ("ollama", "OLLAMA_HOST", "gpu-box:11434", "http://gpu-box:11434/api/tags"),
        ] {
            let provider = provider(adapter);
            let machine = machine(&[(variable, value), ("AGUI_MODEL_ALLOW_HTTP", "1")]);
            let settings = Settings { machine: &machine, project: &project("") };
            let address =
                provider_address::read(settings, provider.base_variable, provider.base, provider.form);
            let found = provider_address::join(address.unwrap().url, &(provider.path)("m"));
            assert_eq!(found.as_str(), url);
        }
    }

    #[test]
    fn key_and_address_must_belong_together() {
        const LINE: &str = "OPENAI_BASE_URL: https://gateway.example/v1";
        let key = ("OPENAI_API_KEY", "sk-shell");
        let secret = ("AGUI_MODEL_SECRET_ID", "keys");
        let gateway = ("OPENAI_BASE_URL", "https://gateway.example/v1");
        let other = ("OPENAI_BASE_URL", "https://other.example/v1");
        for (why, variables, line, used, expected) in [
            ("usual address", &[key][..], "", "sk-shell", true),
            ("all of the shell", &[key, other], LINE, "sk-shell", true),
            ("a secret that the shell names", &[secret, other], "", "sk-secret", true),
            ("all of the template", &[], LINE, "sk-secret", true),
            ("the same address twice", &[gateway], LINE, "sk-secret", true),
            ("a key of the shell, an address of the template", &[key], LINE, "sk-shell", false),
            ("an unused key of the shell", &[key], LINE, "sk-secret", true),
            ("a secret of the template, an address of the shell", &[other], LINE, "sk-secret", false),
            ("the same without the line", &[other], "", "sk-secret", false),
        ] {
            let settings = Settings { machine: &machine(variables), project: &project(line) };
            let result = provider("openai").check_origins(settings, "OPENAI_API_KEY", used);
            assert_eq!(result.is_ok(), expected, "{why}");
        }
    }

    #[test]
    fn server_of_the_template_that_this_machine_does_not_reach_is_no_fault() {
        let url = Url::parse("http://10.0.0.5:11434/api/tags").unwrap();
        let unreachable = |machine: &Machine, line: &str| {
            provider("ollama").unreachable(Settings { machine, project: &project(line) }, &url)
        };
        let line = "OLLAMA_HOST: \"http://10.0.0.5:11434\"";
        assert!(matches!(unreachable(&machine(&[]), line), Unconfirmed::Unknown(_)));
        assert!(matches!(unreachable(&machine(&[]), ""), Unconfirmed::Denied(..)));
        let machine = machine(&[("OLLAMA_HOST", "10.0.0.5")]);
        assert!(matches!(unreachable(&machine, line), Unconfirmed::Denied(..)));
    }

    #[test]
    fn only_a_complete_list_of_models_proves_that_one_is_missing() {
        let without = json!({"data": [{"id": "a"}]});
        let forbidden = json!({"error": {"message": "Missing scopes: api.model.read"}});
        let wrong_key = json!({"error": {"details": [{"reason": "API_KEY_INVALID"}]}});
        let service_off = json!({"error": {"status": "PERMISSION_DENIED"}});
        for (adapter, status, body, is_complete, expected) in [
            ("openai", 200, &json!({"data": [{"id": "m"}]}), true, "usable"),
            ("openai", 200, &without, true, "openai has no model m"),
            ("openai", 200, &without, false, "https://a.example/models does not list it"),
            ("openai", 404, &Value::Null, false, "https://a.example/models answers 404, as a server without"),
            ("openai", 405, &Value::Null, false, "https://a.example/models answers 405, as a server without"),
            ("openai", 405, &Value::Null, true, "https://a.example/models answers 405"),
            ("anthropic", 404, &Value::Null, true, "anthropic has no model m"),
            ("openai", 401, &Value::Null, false, "openai does not accept the key in OPENAI_API_KEY (401)"),
            ("openai", 403, &forbidden, true, "https://a.example/models answers 403. A key that may not"),
            ("gemini", 403, &service_off, true, "https://a.example/models answers 403. A key that may not"),
            ("gemini", 403, &wrong_key, true, "gemini does not accept the key in GEMINI_API_KEY (403)"),
            ("gemini", 400, &wrong_key, true, "gemini does not accept the key in GEMINI_API_KEY (400)"),
        ] {
            let url = "https://a.example/models".to_owned();
            let answer = Answer { url, status, text: body.to_string(), is_complete };
            let is_fault = expected.contains("has no model")
                || expected.contains("does not accept")
                || expected.ends_with("405");
            let found = match provider(adapter).judge("m", &answer) {
                Ok(()) => "usable".to_owned(),
                Err(Unconfirmed::Denied(problem, _)) if is_fault => problem,
                Err(Unconfirmed::Unknown(reason)) if !is_fault => reason,
                Err(other) => panic!("{expected}: {other:?}"),
            };
            assert!(found.starts_with(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn model_is_found_in_each_form_of_a_list() {
        assert_eq!(lists(&json!({"data": [{"id": "a"}, {"id": "b"}]}), "b"), Some(true));
        assert_eq!(lists(&json!({"models": [{"name": "qwen3:latest"}]}), "qwen3"), Some(true));
        assert_eq!(lists(&json!({"data": []}), "b"), Some(false));
        assert_eq!(lists(&json!({"id": "claude"}), "claude"), None);
    }
}
