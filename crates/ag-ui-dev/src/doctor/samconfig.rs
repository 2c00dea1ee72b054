//! What samconfig.toml has for one environment, as `sam deploy` and `make deploy` read it.

use std::collections::HashMap;

use toml::{Table, Value};

/// One environment of samconfig.toml.
#[derive(Debug, Default)]
pub(super) struct SamConfig {
    config: Table,
    environment: String,
}

impl SamConfig {
    /// Reads the file's text for an environment.
    ///
    /// # Errors
    /// Returns an error if the text is not TOML, or has no such environment.
    pub(super) fn read(text: &str, environment: &str) -> Result<Self, String> {
        let config: Table =
            text.parse().map_err(|error: toml::de::Error| format!("samconfig.toml is not TOML: {error}"))?;
        if !config.contains_key(environment) {
            let names: Vec<&str> =
                config.keys().map(String::as_str).filter(|name| *name != "version").collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(format!("samconfig.toml has no environment {environment}. It has: {names}"));
        }
        Ok(Self { config, environment: environment.to_owned() })
    }

    /// Returns a setting of `sam deploy`, such as `stack_name`; `None` if it is not set. In SAM an environment has settings of no
    /// other one.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        let commands = ["deploy", "global"].into_iter();
        let mut tables =
            commands.filter_map(|command| self.table(&[&self.environment, command, "parameters"]));
        tables.find_map(|table| table.get(name)?.as_str())
    }

    /// Returns the stored parameters of template.yaml.
    pub(super) fn parameters(&self) -> HashMap<String, String> {
        let table = self.table(&[&self.environment, "deploy", "parameters"]);
        match table.and_then(|table| table.get("parameter_overrides")) {
            Some(Value::Table(table)) => {
                table.iter().map(|(name, value)| (name.clone(), text(value))).collect()
            }
            Some(Value::String(words)) => words_to_parameters(shell_words(words).iter().map(String::as_str)),
            Some(Value::Array(words)) => words_to_parameters(words.iter().filter_map(Value::as_str)),
            _ => HashMap::new(),
        }
    }

    /// Returns a table of the file.
    fn table(&self, path: &[&str]) -> Option<&Table> {
        path.iter().try_fold(&self.config, |table, name| table.get(*name)?.as_table())
    }
}

/// Reads parameters from words of the form `Name=Value`, whose values may be in quotes.
fn words_to_parameters<'a>(words: impl Iterator<Item = &'a str>) -> HashMap<String, String> {
    let pairs = words.filter_map(|word| word.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned())).collect()
}

/// Splits a text into words as a shell does: white space in quotes belongs to a word, and the quotes do not.
fn shell_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in text.chars() {
        match quote {
            None if letter.is_whitespace() => words.extend(word.take()),
            None if matches!(letter, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            Some(open) if letter == open => quote = None,
            None | Some(_) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// Returns a value as CloudFormation reads it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(switch) => switch.to_string(),
        Value::Datetime(_) | Value::Table(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "version = 0.1\n[default.global.parameters]\nregion = \"eu-central-1\"\n\
        [default.deploy.parameters]\nstack_name = \"shop\"\nparameter_overrides = 'Model=\"scripted/demo\" Origins=a,b Name=\"two words\"'\n\
        [prod.deploy.parameters]\nstack_name = \"shop-prod\"\n\
        [prod.deploy.parameters.parameter_overrides]\nModel = \"openai/gpt\"\nAllowedOrigins = [\"a\", \"b\"]\n";

    #[test]
    fn settings_and_parameters_of_an_environment_are_read() {
        let prod = SamConfig::read(FILE, "prod").unwrap();
        assert_eq!(prod.setting("stack_name"), Some("shop-prod"));
        assert_eq!(prod.setting("region"), None, "it is that of another environment");
        assert_eq!(prod.parameters()["AllowedOrigins"], "a,b");

        let default = SamConfig::read(FILE, "default").unwrap();
        assert_eq!(default.setting("region"), Some("eu-central-1"));
        let parameters = default.parameters();
        assert_eq!((parameters["Model"].as_str(), parameters["Origins"].as_str()), ("scripted/demo", "a,b"));
        assert_eq!(parameters["Name"], "two words");
    }

    #[test]
    fn other_environments_and_other_texts_are_errors() {
        let error = SamConfig::read(FILE, "stage").unwrap_err();
        assert_eq!(error, "samconfig.toml has no environment stage. It has: default, prod");
        assert!(
            SamConfig::read("[default", "default").unwrap_err().starts_with("samconfig.toml is not TOML")
        );
    }
}
