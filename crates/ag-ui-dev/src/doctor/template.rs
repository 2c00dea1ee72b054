//! A template of SAM or CloudFormation: its functions, their variables, and what decides about values.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::yaml::Document;

/// What a name of this crate's variables begins with.
pub(super) const PREFIX: &str = "AGUI_";

/// A template, and the values of its parameters as far as they are known.
#[derive(Debug)]
pub(super) struct Template {
    document: Document,
    /// The path of the file, as it is shown.
    name: String,
    parameters: HashMap<String, String>,
}

/// A resource of a template.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resource<'a> {
    /// The name that the template has for it.
    pub(super) name: &'a str,
    /// The resource, with its type.
    pub(super) value: &'a Value,
}

/// A variable of a function.
#[derive(Debug)]
pub(super) struct Variable<'a> {
    /// The name of the variable.
    pub(super) name: &'a str,
    /// Its value, which may be a function of CloudFormation.
    pub(super) value: &'a Value,
    /// The file and the line, such as `template.yaml:12`.
    pub(super) place: String,
}

impl Template {
    /// Reads a template of the project in this folder; `None` if there is no such file. `overrides` are the values of
    /// parameters that are stored for a deployment; others have their defaults.
    ///
    /// # Errors
    /// Returns what is wrong with the file.
    pub(super) fn read(
        folder: &Path,
        name: &str,
        overrides: &HashMap<String, String>,
    ) -> Option<Result<Self, String>> {
        let text = match std::fs::read_to_string(folder.join(name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            text => text.map_err(|error| error.to_string()),
        };
        Some(text.and_then(|text| Self::parse(name, &text, overrides)))
    }

    /// Reads a template from its text.
    ///
    /// # Errors
    /// Returns what is wrong with the text.
    pub(super) fn parse(name: &str, text: &str, overrides: &HashMap<String, String>) -> Result<Self, String> {
        let document = Document::read(text)?;
        if !document.value["Resources"].is_object() {
            return Err("it has no Resources".to_owned());
        }
        let declared = document.value["Parameters"].as_object().into_iter().flatten();
        let defaults =
            declared.filter_map(|(name, parameter)| Some((name.clone(), text_of(&parameter["Default"])?)));
        let mut parameters: HashMap<_, _> = defaults.collect();
        parameters.extend(overrides.clone());
        Ok(Self { document, name: name.to_owned(), parameters })
    }

    /// Returns the path of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the value of a parameter; `None` if it has neither a stored value nor a default.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Returns the resources of a type, in the order of their names.
    pub(super) fn resources(&self, kind: &str) -> Vec<Resource<'_>> {
        let all = self.document.value["Resources"].as_object().into_iter().flatten();
        all.filter(|(_, value)| value["Type"] == kind).map(|(name, value)| Resource { name, value }).collect()
    }

    /// Returns the functions that serve an agent: those with a variable of this crate's.
    pub(super) fn agents(&self) -> Vec<Resource<'_>> {
        let functions = self.resources("AWS::Serverless::Function");
        let functions = functions.into_iter().chain(self.resources("AWS::Lambda::Function"));
        let is_agent = |function: &Resource<'_>| {
            self.variables(function).iter().any(|variable| variable.name.starts_with(PREFIX))
        };
        functions.filter(is_agent).collect()
    }

    /// Returns a property of a function, or what `Globals` has in its place.
    pub(super) fn property<'a>(&'a self, function: &Resource<'a>, name: &str) -> Option<&'a Value> {
        let own = function.value["Properties"].get(name);
        own.or_else(|| self.document.value["Globals"]["Function"].get(name))
    }

    /// Returns the variables of a function, with those of `Globals` that it does not replace.
    pub(super) fn variables<'a>(&'a self, function: &Resource<'a>) -> Vec<Variable<'a>> {
        let own = format!("/Resources/{}/Properties/Environment/Variables", function.name);
        let mut variables: Vec<Variable<'_>> = Vec::new();
        for pointer in [own.as_str(), "/Globals/Function/Environment/Variables"] {
            let members = self.document.value.pointer(pointer).and_then(Value::as_object);
            for (name, value) in members.into_iter().flatten() {
                if variables.iter().all(|known| known.name != name) {
                    let place = self.place(&format!("{pointer}/{name}"));
                    variables.push(Variable { name, value, place });
                }
            }
        }
        variables
    }

    /// Whether `AGUI_RESPONSE_MODE` says that an agent sends each response in one piece.
    pub(super) fn is_buffered(&self) -> bool {
        let agents = self.agents();
        let mut variables = agents.iter().flat_map(|agent| self.variables(agent));
        variables.any(|variable| {
            variable.name == "AGUI_RESPONSE_MODE" && self.text(variable.value).as_deref() == Some("buffered")
        })
    }

    /// Returns the text of a value, if it is written in the template or is that of a parameter; `None` if a condition or a
    /// resource decides about it.
    pub(super) fn text(&self, value: &Value) -> Option<String> {
        match value.get("Ref").and_then(Value::as_str) {
            Some(name) => self.parameters.get(name).cloned(),
            None => text_of(value),
        }
    }

    /// Returns the file and the line of a value, such as `template.yaml:12`.
    pub(super) fn place(&self, pointer: &str) -> String {
        match self.document.line(pointer) {
            Some(line) => format!("{}:{line}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Returns the text of a value that is neither a function, a list nor a mapping.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_from_parameters_and_globals() {
        let text = "Parameters:\n  Model: {Type: String, Default: scripted/demo}\nGlobals:\n  Function:\n    Timeout: 30\n    Environment:\n      Variables:\n        AGUI_AUTH: token\n        AGUI_MODEL: none\n\
            Resources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties:\n      Environment:\n        Variables:\n          AGUI_MODEL: !Ref Model\n  B: {Type: AWS::SQS::Queue}\n";
        let overrides = HashMap::from([("Model".to_owned(), "openai/gpt".to_owned())]);
        let template = Template::parse("t.yaml", text, &overrides).unwrap();

        let agents = template.agents();
        assert_eq!(agents.iter().map(|agent| agent.name).collect::<Vec<_>>(), ["A"]);
        let variables = template.variables(&agents[0]);
        let found: Vec<_> = variables
            .iter()
            .map(|variable| (variable.name, template.text(variable.value).unwrap(), variable.place.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("AGUI_MODEL", "openai/gpt".to_owned(), "t.yaml:16"),
                ("AGUI_AUTH", "token".to_owned(), "t.yaml:8")
            ]
        );
        assert_eq!(template.text(template.property(&agents[0], "Timeout").unwrap()).as_deref(), Some("30"));
        assert_eq!(template.text(&serde_json::json!({"Fn::If": ["A", "1", "2"]})), None);
    }
}
