//! The models: which ones, how they are asked, and where their keys are.

use std::time::Duration;

#[cfg(feature = "http-models")]
use secrecy::SecretString;
use serde_json::Value;

use super::vars::Variables;
#[cfg(all(feature = "bedrock", feature = "http-models"))]
use crate::model::BedrockApiKeys;
#[cfg(feature = "http-models")]
use crate::model::{MediaHosts, MediaHostsError, Provider};
use crate::model::{ModelSettings, ThinkTags, ToolChoice};
use crate::suggest::nearest;

/// The number of stop sequences that every provider accepts: OpenAI's limit, which is the lowest.
const MAX_STOP_SEQUENCES: usize = 4;

/// The variable that names the secret with the providers' keys.
const KEY_SECRET: &str = "AGUI_MODEL_SECRET_ID";

/// Says which models the function asks, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelConfig {
    /// The models, at least one: `AGUI_MODEL`, a list with commas of `<adapter>/<model id>`. Each one is asked if those
    /// before it fail. `scripted/demo` by default in local mode, and no default elsewhere.
    pub names: Vec<ModelName>,
    /// How the models are asked: `AGUI_MODEL_TEMPERATURE`, `AGUI_MODEL_MAX_TOKENS`, `AGUI_MODEL_THINKING_TOKENS`,
    /// `AGUI_MODEL_TOOL_CHOICE`, `AGUI_MODEL_STOP` and `AGUI_MODEL_THINK_TAGS`. The providers' own defaults if not set.
    pub settings: ModelSettings,
    /// How long a provider may be silent before and within a turn: `AGUI_MODEL_IDLE_TIMEOUT_S`, in seconds. 60 by default.
    pub idle_timeout: Duration,
    /// The hosts whose addresses of images and documents are sent to a provider: `AGUI_MEDIA_HOSTS`. `None` for the default
    /// of [`HttpModel`](crate::model::HttpModel::media_hosts).
    #[cfg(feature = "http-models")]
    pub media_hosts: Option<MediaHosts>,
    /// The name or ARN of the secret with the providers' keys: `AGUI_MODEL_SECRET_ID`.
    pub key_secret_id: Option<String>,
    /// The guardrail that Bedrock applies: `AGUI_BEDROCK_GUARDRAIL_ID` and `AGUI_BEDROCK_GUARDRAIL_VERSION`.
    pub guardrail: Option<Guardrail>,
    /// Whether Bedrock caches instructions and tools: `AGUI_BEDROCK_PROMPT_CACHE`, `on` or `off`. By default this depends
    /// on the model's id.
    pub prompt_cache: Option<bool>,
    /// How long the scripted model waits before each delta: `AGUI_SCRIPTED_DELAY_MS`, in milliseconds. 0 by default.
    pub scripted_delay: Duration,
}

/// Names one model, and how it is reached.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ModelName {
    /// `scripted/demo` is a script that needs no provider. It is not a language model.
    ScriptedDemo,
    /// `bedrock/<model id>` is a model or an inference profile of Amazon Bedrock.
    #[cfg(feature = "bedrock")]
    Bedrock {
        /// The id or the ARN of the model or inference profile.
        model: String,
    },
    /// A model of a provider that is reached over HTTP.
    #[cfg(feature = "http-models")]
    Http {
        /// The provider that runs the model.
        provider: &'static Provider,
        /// The id by which the provider knows the model.
        model: String,
        /// The provider's address, from its own variable such as `OPENAI_BASE_URL`. `None` for its usual address.
        base_url: Option<String>,
        /// Where the provider's key is.
        key: KeySource,
    },
}

/// Says where a provider's key is.
#[cfg(feature = "http-models")]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum KeySource {
    /// The provider needs no key.
    None,
    /// The key is in the provider's own variable, such as `OPENAI_API_KEY`.
    Literal(SecretString),
    /// The key is in the secret [`ModelConfig::key_secret_id`], under the name of the provider's own variable.
    Secret(&'static str),
    /// The key is made from the credentials of the environment, for Amazon Bedrock's endpoint in this region.
    #[cfg(feature = "bedrock")]
    Bedrock {
        /// The name of the region.
        region: String,
    },
}

/// Names a guardrail that Amazon Bedrock applies to requests and answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guardrail {
    /// The id or the ARN of the guardrail.
    pub id: String,
    /// The version of the guardrail that is applied, a number or `DRAFT`. `DRAFT` by default.
    pub version: String,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Reads the models, how they are asked, and where their keys are. `is_local` makes `scripted/demo` the default;
    /// elsewhere a missing model is reported.
    pub(super) fn models(&mut self, is_local: bool) -> ModelConfig {
        // An unusable value is reported whether or not a provider has another address.
        #[cfg(feature = "http-models")]
        self.allows_http();
        let mut entries = self.list("AGUI_MODEL");
        if entries.is_empty() && is_local {
            entries.push("scripted/demo".into());
        }
        if entries.is_empty() {
            let problem = format!(
                "must name a model, as `<adapter>/<model id>`; {}; on your own machine AGUI_LOCAL=1 chooses scripted/demo",
                list_adapters()
            );
            self.report("AGUI_MODEL", problem);
        }
        ModelConfig {
            names: entries.iter().filter_map(|entry| self.model_name(entry)).collect(),
            #[cfg(feature = "http-models")]
            media_hosts: self.media_hosts(),
            key_secret_id: self.resource(KEY_SECRET),
            settings: self.model_settings(),
            idle_timeout: self.seconds("AGUI_MODEL_IDLE_TIMEOUT_S", Duration::from_secs(60), 1),
            guardrail: self.guardrail(),
            prompt_cache: self.choice(
                "AGUI_BEDROCK_PROMPT_CACHE",
                &[("on", Some(true)), ("off", Some(false))],
                None,
            ),
            scripted_delay: Duration::from_millis(self.parse(
                "AGUI_SCRIPTED_DELAY_MS",
                0,
                "must be a whole number of milliseconds",
            )),
        }
    }

    /// Reads one `entry` of `AGUI_MODEL`, and the address and the key that its provider has variables for. `None` if
    /// the entry is unusable, which is reported.
    fn model_name(&mut self, entry: &str) -> Option<ModelName> {
        let (adapter, model) = entry.split_once('/').unwrap_or((entry, ""));
        let (adapter, model) = (adapter.trim(), model.trim());
        if model.is_empty() {
            self.report("AGUI_MODEL", "has an entry that is not `<adapter>/<model id>`");
            return None;
        }
        match (adapter, model) {
            ("scripted", "demo") => return Some(ModelName::ScriptedDemo),
            ("scripted", _) => {
                self.report("AGUI_MODEL", "names an unknown script; the only one is scripted/demo");
                return None;
            }
            #[cfg(feature = "bedrock")]
            ("bedrock", model) => return Some(ModelName::Bedrock { model: model.to_owned() }),
            #[cfg(all(feature = "bedrock", feature = "http-models"))]
            ("mantle" | "mantle-responses", model) => return self.mantle_model(adapter, model),
            _ => {}
        }
        #[cfg(feature = "http-models")]
        if let Some(provider) = Provider::named(adapter) {
            return Some(ModelName::Http {
                provider,
                model: model.to_owned(),
                base_url: self.base_url(provider),
                key: self.key(provider),
            });
        }
        let near = nearest(adapter, adapter_names()).map(|name| format!(" (did you mean {name}?)"));
        let near = near.unwrap_or_default();
        self.report("AGUI_MODEL", format!("names an unknown adapter, {adapter}{near}; {}", list_adapters()));
        None
    }

    /// Reads how a model at Bedrock's endpoint `bedrock-mantle` is reached: its address and its key, from the variables of the
    /// adapter, or else from the region. `None` if no region is set, which is reported.
    #[cfg(all(feature = "bedrock", feature = "http-models"))]
    fn mantle_model(&mut self, adapter: &str, model: &str) -> Option<ModelName> {
        let provider = Provider::named(adapter)?;
        let Some(region) = self.text("AWS_REGION").or_else(|| self.text("AWS_DEFAULT_REGION")) else {
            self.report("AWS_REGION", format!("must name the region of the models of the adapter {adapter}"));
            return None;
        };
        let base_url = self.base_url(provider);
        Some(ModelName::Http {
            provider,
            model: model.to_owned(),
            base_url: Some(base_url.unwrap_or_else(|| BedrockApiKeys::mantle_url(&region, model))),
            key: match provider.key_variable().and_then(|variable| self.text(variable)) {
                Some(key) => KeySource::Literal(key.into()),
                None => KeySource::Bedrock { region },
            },
        })
    }

    /// Reads the address of a provider from the provider's own variable, such as `OPENAI_BASE_URL`. `None` for its
    /// usual address. An unusable address is reported.
    #[cfg(feature = "http-models")]
    fn base_url(&mut self, provider: &Provider) -> Option<String> {
        let variable = provider.base_url_variable();
        let url = self.text(variable)?;
        match provider.base_url(&url) {
            Err(error) => self.report(variable, format!("is unusable: {error}")),
            Ok(address) if !self.allows_http() && !Provider::is_private_connection(&address) => self.report(
                variable,
                "is a plain http address of another machine, so that the network could read keys and conversations; use \
                 https, or set AGUI_MODEL_ALLOW_HTTP=1 if you trust the network",
            ),
            Ok(_) => {}
        }
        Some(url)
    }

    /// Whether the address of a provider on another machine may be plain http: `AGUI_MODEL_ALLOW_HTTP`.
    #[cfg(feature = "http-models")]
    fn allows_http(&mut self) -> bool {
        self.switch("AGUI_MODEL_ALLOW_HTTP", false)
    }

    /// Reads the hosts whose addresses of images and documents are sent to a provider. `None` if the variable is not set,
    /// and also if it is unusable, which is reported.
    #[cfg(feature = "http-models")]
    fn media_hosts(&mut self) -> Option<MediaHosts> {
        const VARIABLE: &str = "AGUI_MEDIA_HOSTS";
        let hosts = self.text(VARIABLE)?.parse();
        hosts.map_err(|error: MediaHostsError| self.report(VARIABLE, format!("is unusable: {error}"))).ok()
    }

    /// Reads where a provider's key is: in the provider's own variable, such as `OPENAI_API_KEY`, or else in the
    /// secret of all keys. If a key is needed and neither is set, this is reported.
    #[cfg(feature = "http-models")]
    fn key(&mut self, provider: &Provider) -> KeySource {
        let Some(variable) = provider.key_variable() else {
            return KeySource::None;
        };
        if let Some(key) = self.text(variable) {
            return KeySource::Literal(key.into());
        }
        if self.text(KEY_SECRET).is_none() {
            let problem = format!(
                "must hold the key of the adapter {}, or AGUI_MODEL_SECRET_ID name a secret that has it as \
                 {{\"{variable}\": \"...\"}}",
                provider.adapter()
            );
            self.report(variable, problem);
        }
        KeySource::Secret(variable)
    }

    /// Reads how the models are asked: temperature, token limits, tool choice, stop sequences and think tags.
    fn model_settings(&mut self) -> ModelSettings {
        let think_tags = [("on", ThinkTags::On), ("open", ThinkTags::Open), ("off", ThinkTags::Off)];
        ModelSettings {
            temperature: self.temperature(),
            max_tokens: self.optional_count("AGUI_MODEL_MAX_TOKENS"),
            thinking_tokens: self.optional_count("AGUI_MODEL_THINKING_TOKENS"),
            tool_choice: match self.text("AGUI_MODEL_TOOL_CHOICE") {
                None => ToolChoice::Auto,
                Some(word) if word.eq_ignore_ascii_case("auto") => ToolChoice::Auto,
                Some(word) if word.eq_ignore_ascii_case("none") => ToolChoice::None,
                Some(word) if word.eq_ignore_ascii_case("required") => ToolChoice::Required,
                Some(tool) => {
                    if tool.contains(|c: char| c == ',' || c.is_whitespace()) {
                        let problem = "must be `auto`, `none`, `required`, or the name of one tool";
                        self.report("AGUI_MODEL_TOOL_CHOICE", problem);
                    }
                    ToolChoice::Tool(tool)
                }
            },
            stop: self.stop_sequences(),
            think_tags: self.choice("AGUI_MODEL_THINK_TAGS", &think_tags, ThinkTags::Off),
        }
    }

    /// Reads the temperature, from 0 to 2. `None` for the provider's default, and for any other value, which is
    /// reported.
    fn temperature(&mut self) -> Option<f64> {
        const VARIABLE: &str = "AGUI_MODEL_TEMPERATURE";
        let text = self.text(VARIABLE)?;
        let temperature = text.parse().ok().filter(|temperature| (0.0..=2.0).contains(temperature));
        if temperature.is_none() {
            self.report(VARIABLE, "must be a number from 0 to 2");
        }
        temperature
    }

    /// Reads the stop sequences: a JSON array of texts, or one text that is used unchanged. Empty if the variable is
    /// not set. Too many texts and empty ones are reported.
    fn stop_sequences(&mut self) -> Vec<String> {
        const VARIABLE: &str = "AGUI_MODEL_STOP";
        let Some(text) = self.text(VARIABLE) else { return Vec::new() };
        // A text may begin with a bracket as well: what is not an array is one text.
        let stop = match serde_json::from_str::<Vec<Value>>(&text) {
            Ok(texts) => serde_json::from_value(texts.into()).unwrap_or_default(),
            Err(_) => vec![text],
        };
        if !(1..=MAX_STOP_SEQUENCES).contains(&stop.len()) || stop.iter().any(String::is_empty) {
            let problem = format!(
                "must be one text, or a JSON array of 1 to {MAX_STOP_SEQUENCES} texts that are not empty"
            );
            self.report(VARIABLE, problem);
        }
        stop
    }

    /// Reads the guardrail of Bedrock; its version is `DRAFT` by default. `None` if no guardrail is named. An
    /// unusable version is reported, and so is a version without a guardrail.
    fn guardrail(&mut self) -> Option<Guardrail> {
        let version = self.text("AGUI_BEDROCK_GUARDRAIL_VERSION");
        let id = self.text("AGUI_BEDROCK_GUARDRAIL_ID");
        if id.is_none() && version.is_some() {
            self.report("AGUI_BEDROCK_GUARDRAIL_ID", "must name the guardrail whose version is set");
        }
        let version = version.unwrap_or_else(|| "DRAFT".into());
        if version != "DRAFT" && version.parse::<u32>().is_err() {
            self.report("AGUI_BEDROCK_GUARDRAIL_VERSION", "must be a number or `DRAFT`");
        }
        Some(Guardrail { id: id?, version })
    }
}

/// Returns the names of the adapters of this build, which come before the `/` in an entry of `AGUI_MODEL`.
fn adapter_names() -> Vec<&'static str> {
    let names = ["scripted"].into_iter();
    #[cfg(feature = "bedrock")]
    let names = names.chain(["bedrock"]);
    #[cfg(feature = "http-models")]
    let names = names.chain(Provider::all().iter().map(Provider::adapter));
    names.collect()
}

/// Returns the end of an error text: a clause that lists the adapters of this build.
fn list_adapters() -> String {
    format!("the adapters are {}", adapter_names().join(", "))
}

#[cfg(all(test, feature = "bedrock", feature = "http-models"))]
mod tests;
