//! Which models the variables name, how they are asked, and where their keys are.

use std::time::Duration;

#[cfg(feature = "http-models")]
use secrecy::SecretString;
use serde_json::Value;

use super::{ConfigError, Variables, fault};
#[cfg(feature = "http-models")]
use crate::model::Provider;
use crate::model::{ModelSettings, ThinkTags, ToolChoice};
use crate::suggest::nearest;

/// The most texts to stop at: OpenAI takes no more.
const MAX_STOP: usize = 4;

/// Names the secret with the providers' keys.
const SECRET: &str = "AGUI_MODEL_SECRET_ID";

/// The models of the function.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The models, in the order they are asked; never none.
    pub names: Vec<ModelName>,
    /// How they are asked.
    pub settings: ModelSettings,
    /// The longest silence of a provider.
    pub idle_timeout: Duration,
    /// Name or ARN of the secret with the providers' keys.
    pub secret: Option<String>,
    /// The guardrail that Bedrock applies.
    pub guardrail: Option<Guardrail>,
    /// Whether Bedrock is told to cache instructions and tools; by the model's id if not set.
    pub prompt_cache: Option<bool>,
    /// Pause before each delta of the scripted model.
    pub scripted_delay: Duration,
}

/// One model.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ModelName {
    /// `scripted/demo`: offline, and no language model.
    ScriptedDemo,
    /// A model or inference profile of Amazon Bedrock.
    #[cfg(feature = "bedrock")]
    Bedrock {
        /// Its id or ARN.
        model: String,
    },
    /// A model of a provider that is reached over HTTP with a key.
    #[cfg(feature = "http-models")]
    Hosted {
        /// The provider.
        provider: &'static Provider,
        /// The model's id.
        model: String,
        /// The provider's address, if it is not the usual one.
        base_url: Option<String>,
        /// Where the key is.
        key: KeyPlace,
    },
}

/// Where a provider's key is.
#[cfg(feature = "http-models")]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum KeyPlace {
    /// The provider takes none.
    Nowhere,
    /// In its own variable.
    Here(SecretString),
    /// In [`ModelConfig::secret`], under the name of its own variable.
    Secret(&'static str),
}

/// A guardrail of Amazon Bedrock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// Its id or ARN.
    pub id: String,
    /// Its version: a number, or `DRAFT`.
    pub version: String,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    pub(super) fn models(&self, is_local: bool) -> Result<ModelConfig, ConfigError> {
        let mut entries = self.list("AGUI_MODEL");
        if entries.is_empty() && is_local {
            entries.push("scripted/demo".into());
        }
        if entries.is_empty() {
            return Err(fault(
                "AGUI_MODEL",
                &format!(
                    "must name a model, as `<adapter>/<model id>`; {}; on your own machine AGUI_LOCAL=1 chooses \
                     scripted/demo",
                    adapters()
                ),
            ));
        }
        let names = entries.iter().map(|entry| self.model(entry));
        Ok(ModelConfig {
            names: names.collect::<Result<_, _>>()?,
            secret: self.text(SECRET),
            settings: self.settings()?,
            idle_timeout: self.seconds("AGUI_MODEL_IDLE_TIMEOUT_S", Duration::from_secs(60), 1)?,
            guardrail: self.guardrail()?,
            prompt_cache: self.switch("AGUI_BEDROCK_PROMPT_CACHE")?,
            scripted_delay: Duration::from_millis(self.number("AGUI_SCRIPTED_DELAY_MS", 0)?),
        })
    }

    fn model(&self, entry: &str) -> Result<ModelName, ConfigError> {
        let (adapter, model) = entry.split_once('/').unwrap_or((entry, ""));
        let (adapter, model) = (adapter.trim(), model.trim());
        if model.is_empty() {
            return Err(fault("AGUI_MODEL", "has an entry that is not `<adapter>/<model id>`"));
        }
        match (adapter, model) {
            ("scripted", "demo") => return Ok(ModelName::ScriptedDemo),
            ("scripted", _) => {
                return Err(fault("AGUI_MODEL", "names an unknown script; there is scripted/demo"));
            }
            #[cfg(feature = "bedrock")]
            ("bedrock", model) => return Ok(ModelName::Bedrock { model: model.to_owned() }),
            _ => {}
        }
        #[cfg(feature = "http-models")]
        if let Some(provider) = Provider::named(adapter) {
            return Ok(ModelName::Hosted {
                provider,
                model: model.to_owned(),
                base_url: self.text(provider.base_url_variable()),
                key: self.key(provider)?,
            });
        }
        let near = nearest(adapter, adapter_names()).map(|name| format!(" (did you mean {name}?)"));
        let near = near.unwrap_or_default();
        Err(fault("AGUI_MODEL", &format!("names an unknown adapter, {adapter}{near}; {}", adapters())))
    }

    /// A variable that is set counts before the secret.
    #[cfg(feature = "http-models")]
    fn key(&self, provider: &Provider) -> Result<KeyPlace, ConfigError> {
        let Some(variable) = provider.key_variable() else {
            return Ok(KeyPlace::Nowhere);
        };
        match self.text(variable) {
            Some(key) => Ok(KeyPlace::Here(key.into())),
            None if self.text(SECRET).is_some() => Ok(KeyPlace::Secret(variable)),
            None => Err(fault(
                variable,
                &format!(
                    "must hold the key of the adapter {}, or AGUI_MODEL_SECRET_ID name a secret that has it as \
                     {{\"{variable}\": \"...\"}}",
                    provider.adapter()
                ),
            )),
        }
    }

    fn settings(&self) -> Result<ModelSettings, ConfigError> {
        let some = |variable| self.text(variable).map(|_| self.count(variable, 0)).transpose();
        let temperature = match self.text("AGUI_MODEL_TEMPERATURE") {
            None => None,
            Some(text) => {
                let number = text.parse().ok().filter(|number| (0.0..=2.0).contains(number));
                Some(number.ok_or_else(|| fault("AGUI_MODEL_TEMPERATURE", "must be a number from 0 to 2"))?)
            }
        };
        Ok(ModelSettings {
            temperature,
            max_tokens: some("AGUI_MODEL_MAX_TOKENS")?,
            thinking_tokens: some("AGUI_MODEL_THINKING_TOKENS")?,
            tool_choice: match self.text("AGUI_MODEL_TOOL_CHOICE") {
                None => ToolChoice::Auto,
                Some(word) if word.eq_ignore_ascii_case("auto") => ToolChoice::Auto,
                Some(word) if word.eq_ignore_ascii_case("none") => ToolChoice::None,
                Some(word) if word.eq_ignore_ascii_case("required") => ToolChoice::Required,
                Some(tool) => ToolChoice::Tool(tool),
            },
            stop: self.stop()?,
            think_tags: match self.text("AGUI_MODEL_THINK_TAGS").as_deref() {
                None | Some("off") => ThinkTags::Off,
                Some("on") => ThinkTags::On,
                Some("open") => ThinkTags::Open,
                Some(_) => return Err(fault("AGUI_MODEL_THINK_TAGS", "must be `on`, `open` or `off`")),
            },
        })
    }

    /// Texts to stop at: a JSON array of them, or one as it is.
    fn stop(&self) -> Result<Vec<String>, ConfigError> {
        let Some(text) = self.text("AGUI_MODEL_STOP") else { return Ok(Vec::new()) };
        // A text may begin with a bracket as well: what is no array is a text.
        let stop = match serde_json::from_str::<Vec<Value>>(&text) {
            Ok(texts) => serde_json::from_value(texts.into()).unwrap_or_default(),
            Err(_) => vec![text],
        };
        if !(1..=MAX_STOP).contains(&stop.len()) || stop.iter().any(String::is_empty) {
            let problem =
                format!("must be one text, or a JSON array of 1 to {MAX_STOP} texts that are not empty");
            return Err(fault("AGUI_MODEL_STOP", &problem));
        }
        Ok(stop)
    }

    /// A setting that is on or off.
    fn switch(&self, variable: &'static str) -> Result<Option<bool>, ConfigError> {
        match self.text(variable).as_deref() {
            None => Ok(None),
            Some("on") => Ok(Some(true)),
            Some("off") => Ok(Some(false)),
            Some(_) => Err(fault(variable, "must be `on` or `off`")),
        }
    }

    fn guardrail(&self) -> Result<Option<Guardrail>, ConfigError> {
        match (self.text("AGUI_BEDROCK_GUARDRAIL_ID"), self.text("AGUI_BEDROCK_GUARDRAIL_VERSION")) {
            (None, None) => Ok(None),
            (Some(id), version) => {
                Ok(Some(Guardrail { id, version: version.unwrap_or_else(|| "DRAFT".into()) }))
            }
            (None, Some(_)) => {
                Err(fault("AGUI_BEDROCK_GUARDRAIL_ID", "must name the guardrail whose version is set"))
            }
        }
    }
}

/// What may stand before the `/`.
fn adapter_names() -> Vec<&'static str> {
    let names = ["scripted"].into_iter();
    #[cfg(feature = "bedrock")]
    let names = names.chain(["bedrock"]);
    #[cfg(feature = "http-models")]
    let names = names.chain(Provider::all().iter().map(Provider::adapter));
    names.collect()
}

fn adapters() -> String {
    format!("the adapters are {}", adapter_names().join(", "))
}

#[cfg(all(test, feature = "bedrock", feature = "http-models"))]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::super::tests::read;
    use super::*;

    const TOKEN: (&str, &str) = ("AGUI_TOKEN_SECRET_ID", "token");

    fn models(variables: &[(&str, &str)]) -> Result<ModelConfig, ConfigError> {
        read(&[&[TOKEN], variables].concat()).map(|config| config.models)
    }

    #[test]
    fn a_list_is_read_in_its_order_and_split_at_the_first_slash() {
        let list = "bedrock/arn:aws:bedrock:eu-west-1:1:inference-profile/eu.m, openai/o/p, ollama/q";
        let models = models(&[
            ("AGUI_MODEL", list),
            ("AGUI_MODEL_SECRET_ID", "keys"),
            ("OPENAI_BASE_URL", "http://localhost:4010/v1"),
        ])
        .unwrap();

        let [ModelName::Bedrock { model: profile }, openai, ollama] = models.names.as_slice() else {
            panic!("{:?}", models.names)
        };
        assert_eq!(profile, "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.m");
        let ModelName::Hosted { model, base_url, key: KeyPlace::Secret("OPENAI_API_KEY"), .. } = openai
        else {
            panic!("{openai:?}")
        };
        assert_eq!((model.as_str(), base_url.as_deref()), ("o/p", Some("http://localhost:4010/v1")));
        assert!(matches!(ollama, ModelName::Hosted { key: KeyPlace::Nowhere, base_url: None, .. }));
    }

    #[test]
    fn a_key_in_its_variable_counts_before_the_secret_and_is_not_printed() {
        let models = models(&[
            ("AGUI_MODEL", "anthropic/m"),
            ("AGUI_MODEL_SECRET_ID", "keys"),
            ("ANTHROPIC_API_KEY", "sk-ant-1"),
        ])
        .unwrap();

        let ModelName::Hosted { key: KeyPlace::Here(key), .. } = &models.names[0] else { panic!() };
        assert_eq!(key.expose_secret(), "sk-ant-1");
        assert!(!format!("{models:?}").contains("sk-ant-1"));
    }

    #[test]
    fn settings_are_read_and_nothing_is_set_without_them() {
        let none = models(&[("AGUI_MODEL", "scripted/demo")]).unwrap();
        assert_eq!(none.settings, ModelSettings::default());
        assert_eq!((none.idle_timeout.as_secs(), none.guardrail, none.prompt_cache), (60, None, None));

        let all = models(&[
            ("AGUI_MODEL", "bedrock/m"),
            ("AGUI_MODEL_TEMPERATURE", "0.5"),
            ("AGUI_MODEL_MAX_TOKENS", "1000"),
            ("AGUI_MODEL_THINKING_TOKENS", "2000"),
            ("AGUI_MODEL_TOOL_CHOICE", "get_weather"),
            ("AGUI_MODEL_STOP", r#"["END","\n\n"]"#),
            ("AGUI_MODEL_THINK_TAGS", "on"),
            ("AGUI_MODEL_IDLE_TIMEOUT_S", "5"),
            ("AGUI_BEDROCK_GUARDRAIL_ID", "g-1"),
            ("AGUI_BEDROCK_PROMPT_CACHE", "off"),
        ])
        .unwrap();
        assert_eq!(
            all.settings,
            ModelSettings {
                temperature: Some(0.5),
                max_tokens: Some(1000),
                thinking_tokens: Some(2000),
                tool_choice: ToolChoice::Tool("get_weather".into()),
                stop: vec!["END".into(), "\n\n".into()],
                think_tags: ThinkTags::On,
            }
        );
        assert_eq!((all.idle_timeout.as_secs(), all.prompt_cache), (5, Some(false)));
        assert_eq!(all.guardrail, Some(Guardrail { id: "g-1".into(), version: "DRAFT".into() }));
    }

    #[test]
    fn a_setting_of_several_forms_is_read_in_each() {
        let settings = |variable: &'static str, value: &'static str| {
            models(&[("AGUI_MODEL", "scripted/demo"), (variable, value)]).unwrap().settings
        };
        for (value, expected) in [
            ("END", &["END"][..]),
            ("[END]", &["[END]"]),
            ("[/INST]", &["[/INST]"]),
            ("[\"a", &["[\"a"]),
            ("\"END\"", &["\"END\""]),
            (r#"["[END]"]"#, &["[END]"]),
        ] {
            assert_eq!(settings("AGUI_MODEL_STOP", value).stop, expected, "{value}");
        }
        for (value, expected) in [("on", ThinkTags::On), ("open", ThinkTags::Open), ("off", ThinkTags::Off)] {
            assert_eq!(settings("AGUI_MODEL_THINK_TAGS", value).think_tags, expected, "{value}");
        }
    }

    #[test]
    fn an_unusable_model_setting_is_named_with_the_choices() {
        let demo = ("AGUI_MODEL", "scripted/demo");
        for (why, variables, variable, says) in [
            (
                "no model",
                vec![],
                "AGUI_MODEL",
                "scripted, bedrock, openai, openai-responses, anthropic, gemini",
            ),
            ("no such adapter", vec![("AGUI_MODEL", "psychic/m")], "AGUI_MODEL", "scripted, bedrock, openai"),
            (
                "a misspelt adapter",
                vec![("AGUI_MODEL", "opnai/m")],
                "AGUI_MODEL",
                "opnai (did you mean openai?); the",
            ),
            ("no such script", vec![("AGUI_MODEL", "scripted/x")], "AGUI_MODEL", "scripted/demo"),
            ("no adapter", vec![("AGUI_MODEL", "gpt-5")], "AGUI_MODEL", "<adapter>/<model id>"),
            ("no id", vec![("AGUI_MODEL", "openai/")], "AGUI_MODEL", "<adapter>/<model id>"),
            (
                "one of two is unknown",
                vec![("AGUI_MODEL", "scripted/demo,x/y")],
                "AGUI_MODEL",
                "names an unknown adapter, x",
            ),
            ("no key", vec![("AGUI_MODEL", "openai/gpt-5")], "OPENAI_API_KEY", "AGUI_MODEL_SECRET_ID"),
            ("too hot", vec![demo, ("AGUI_MODEL_TEMPERATURE", "3")], "AGUI_MODEL_TEMPERATURE", "from 0 to 2"),
            ("no token", vec![demo, ("AGUI_MODEL_MAX_TOKENS", "0")], "AGUI_MODEL_MAX_TOKENS", "from 1"),
            ("no texts", vec![demo, ("AGUI_MODEL_STOP", "[1]")], "AGUI_MODEL_STOP", "1 to 4 texts"),
            ("an empty text", vec![demo, ("AGUI_MODEL_STOP", r#"["a",""]"#)], "AGUI_MODEL_STOP", "not empty"),
            ("a maybe", vec![demo, ("AGUI_MODEL_THINK_TAGS", "yes")], "AGUI_MODEL_THINK_TAGS", "`on`"),
            (
                "no time",
                vec![demo, ("AGUI_MODEL_IDLE_TIMEOUT_S", "0")],
                "AGUI_MODEL_IDLE_TIMEOUT_S",
                "from 1",
            ),
            (
                "a version of nothing",
                vec![demo, ("AGUI_BEDROCK_GUARDRAIL_VERSION", "1")],
                "AGUI_BEDROCK_GUARDRAIL_ID",
                "must name",
            ),
            (
                "neither",
                vec![demo, ("AGUI_BEDROCK_PROMPT_CACHE", "yes")],
                "AGUI_BEDROCK_PROMPT_CACHE",
                "`on`",
            ),
        ] {
            let error = models(&variables).unwrap_err();
            assert_eq!(error.variable, variable, "{why}");
            assert!(error.problem.contains(says), "{why}: {error}");
        }
    }
}
