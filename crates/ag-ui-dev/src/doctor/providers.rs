//! The check of providers outside of AWS: one request for their list of models, which costs nothing.

use std::time::Duration;

use serde_json::Value;

use super::account::Account;
use super::http_client::http_client;
use super::machine::Machine;
use super::models::{Models, key_variable};
use super::provider_address::{self, Form};
use super::report::Finding;
use super::secrets::Secrets;

const CHECK: &str = "provider";
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

/// Asks the provider of each model for its models.
pub(super) async fn check(
    machine: &Machine,
    models: &Models,
    account: &Account,
    secrets: &Secrets,
) -> Finding {
    let mut usable = Vec::new();
    let mut skipped = "no model is one of a provider outside of AWS";
    for (adapter, model) in &models.names {
        let Some(provider) = PROVIDERS.iter().find(|provider| provider.adapter == adapter) else {
            if key_variable(adapter).is_some() {
                skipped = "only OpenAI, Anthropic, Gemini and Ollama are asked for their models";
            }
            continue;
        };
        if let Err(reason) = account.aws()
            && reason.starts_with("--local")
        {
            return Finding::skipped(CHECK, "--local asks nothing of a provider");
        }
        let variable = key_variable(adapter);
        let key = match variable.map(|variable| secrets.keys.get(variable)) {
            Some(Some(key)) => key.as_str(),
            Some(None) => return Finding::skipped(CHECK, format!("there is no key for {adapter}")),
            None => "",
        };
        match provider.ask(machine, model, key).await {
            Ok(()) => usable.push(format!("{adapter}/{model}")),
            Err((problem, fix)) => return Finding::failed(CHECK, problem, fix),
        }
    }
    match usable.is_empty() {
        true => Finding::skipped(CHECK, skipped),
        false => Finding::ok(CHECK, format!("{} can be asked", usable.join(" and "))),
    }
}

impl Provider {
    /// Asks for the models, and returns the problem and its fix if this one cannot be used.
    async fn ask(&self, machine: &Machine, model: &str, key: &str) -> Result<(), (String, String)> {
        let Self { adapter, base_variable, .. } = self;
        let address = provider_address::read(machine, base_variable, self.base, self.form).map_err(|problem| {
            let fix = format!(
                "correct {base_variable}. The function needs https, unless the server is on the same machine or AGUI_MODEL_ALLOW_HTTP=1 is set"
            );
            (problem, fix)
        })?;
        let url = provider_address::join(address, &(self.path)(model));
        let mut request = http_client().get(url.clone()).timeout(TIMEOUT);
        let url = provider_address::shown(&url);
        for (name, value) in (self.headers)(key) {
            request = request.header(name, value);
        }
        let unreachable = |_| {
            let fix = match *adapter {
                "ollama" => "start it, or name its address in OLLAMA_HOST:\n  ollama serve".to_owned(),
                _ => format!("check the network, and the address in {base_variable} if it is set"),
            };
            (format!("{url} cannot be reached"), fix)
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let text = response.text().await.unwrap_or_default();
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let variable = key_variable(adapter).unwrap_or_default();
        // Gemini refuses a wrong key with 400.
        if matches!(status, 401 | 403) || text.contains("API_KEY_INVALID") {
            return Err((
                format!("{adapter} does not accept the key in {variable} ({status})"),
                format!("set a valid key in {variable}, or in the secret of the model's keys"),
            ));
        }
        let unknown = || (format!("{adapter} has no model {model}"), self.fix_unknown(model));
        match status {
            404 => Err(unknown()),
            200 => match lists(&body, model) {
                Some(true) => Ok(()),
                Some(false) => Err(unknown()),
                None if body["id"].is_string() || body["name"].is_string() => Ok(()),
                None => Err((
                    format!("{url} is answered with 200, but not as {adapter} does"),
                    format!("correct the address in {base_variable}"),
                )),
            },
            _ => Err((
                format!("{url} answers {status}"),
                "try again later; the page of the provider's status may say more".to_owned(),
            )),
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

    use super::*;

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
            let provider = PROVIDERS.iter().find(|provider| provider.adapter == adapter).unwrap();
            let variables = [(variable, value), ("AGUI_MODEL_ALLOW_HTTP", "1")];
            let variables = variables.map(|(name, value)| (name.into(), value.into()));
            let machine = Machine::new(".".into(), variables.into_iter());
            let address =
                provider_address::read(&machine, provider.base_variable, provider.base, provider.form);
            let found = provider_address::join(address.unwrap(), &(provider.path)("m"));
            assert_eq!(found.as_str(), url);
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
