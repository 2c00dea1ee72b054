//! The variables that the function gets: those of this shell, and those of template.yaml that the shell does not set.

use serde_json::Value;

use super::machine::Machine;
use super::project::Project;
use super::template::{Resource, Template};

/// What a text has in it that CloudFormation replaces when it deploys.
const DYNAMIC_REFERENCE: &str = "{{resolve:";

/// What a variable of the function has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    /// It is not set, or blank.
    Unset,
    /// It has a text.
    Text {
        /// The text.
        value: String,
        /// What names it: the variable, `the parameter Model`, or `AGUI_MODEL in template.yaml:14`.
        source: String,
    },
    /// Nobody knows it before the deployment, for this reason.
    Undecided(String),
}

impl Setting {
    /// Returns the text, if it is set and known.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text { value, .. } => Some(value),
            Self::Unset | Self::Undecided(_) => None,
        }
    }
}

/// This shell, and the project with its template.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a> {
    /// The machine with the variables of this shell.
    pub(super) machine: &'a Machine,
    /// The project with template.yaml.
    pub(super) project: &'a Project,
}

impl<'a> Settings<'a> {
    /// Returns what a variable has in this shell, or else in template.yaml.
    pub(super) fn get(self, name: &str) -> Setting {
        match self.of_shell(name) {
            Some(value) => Setting::Text { value: value.to_owned(), source: name.to_owned() },
            None => self.of_template(name),
        }
    }

    /// Returns what a variable has in this shell.
    pub(super) fn of_shell(self, name: &str) -> Option<&'a str> {
        self.machine.variable(name)
    }

    /// Returns what a variable has in template.yaml. Of several functions with an agent those count that name a model, and
    /// they must have the same.
    pub(super) fn of_template(self, name: &str) -> Setting {
        let Some(template) = self.project.template() else { return Setting::Unset };
        let agents = template.agents();
        let names_model = |agent: &Resource<'_>| {
            template.variables(agent).iter().any(|variable| variable.name == "AGUI_MODEL")
        };
        let is_any_named = agents.iter().any(names_model);
        let counting = agents.iter().filter(|agent| !is_any_named || names_model(agent));
        let found: Vec<Setting> = counting.map(|agent| of_function(template, agent, name)).collect();
        if let Some(undecided) = found.iter().find(|setting| matches!(setting, Setting::Undecided(_))) {
            return undecided.clone();
        }
        let Some(first) = found.first() else { return Setting::Unset };
        match found.iter().all(|setting| setting.text() == first.text()) {
            true => first.clone(),
            false => Setting::Undecided(format!("the functions of {} differ in {name}", template.name())),
        }
    }
}

/// Returns what a variable of a function has.
fn of_function(template: &Template, function: &Resource<'_>, name: &str) -> Setting {
    let variables = template.variables(function);
    let Some(variable) = variables.iter().find(|variable| variable.name == name) else {
        return Setting::Unset;
    };
    let line = format!("{name} in {}", variable.place);
    match template.text(variable.value) {
        Some(text) if text.trim().is_empty() => Setting::Unset,
        Some(text) if !text.contains(DYNAMIC_REFERENCE) => {
            let parameter = variable.value.get("Ref").and_then(Value::as_str);
            let source = parameter.map_or(line, |parameter| format!("the parameter {parameter}"));
            Setting::Text { value: text.trim().to_owned(), source }
        }
        Some(_) | None => Setting::Undecided(format!("{line} has its value only when it is deployed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what a variable has, with these lines for it in the templates of functions, and these variables of the shell.
    fn get(name: &str, functions: &[&str], shell: &[(&str, &str)]) -> Setting {
        let mut text = "Parameters:\n  Gateway: {Type: String, Default: \"https://p.example\"}\n  Empty: {Type: String, Default: \"\"}\n  Open: {Type: String}\nResources:\n"
            .to_owned();
        for (at, variables) in functions.iter().enumerate() {
            text += &format!(
                "  Agent{at}:\n    Type: AWS::Serverless::Function\n    Properties:\n      Environment:\n        Variables:\n          {variables}\n"
            );
        }
        let project = Project::of_template(&text);
        let variables = shell.iter().map(|(name, value)| (name.into(), value.into()));
        let machine = Machine::new(".".into(), variables);
        Settings { machine: &machine, project: &project }.get(name)
    }

    #[test]
    fn shell_comes_before_the_template() {
        let lines = "AGUI_AUTH: token\n          OPENAI_BASE_URL: https://t.example";
        let setting =
            |value: &str, source: &str| Setting::Text { value: value.into(), source: source.into() };
        assert_eq!(
            get("OPENAI_BASE_URL", &[lines], &[("OPENAI_BASE_URL", "https://s.example")]),
            setting("https://s.example", "OPENAI_BASE_URL")
        );
        assert_eq!(
            get("OPENAI_BASE_URL", &[lines], &[]),
            setting("https://t.example", "OPENAI_BASE_URL in template.yaml:12")
        );
        assert_eq!(get("OLLAMA_HOST", &[lines], &[]), Setting::Unset);
    }

    #[test]
    fn value_that_only_a_deployment_decides_is_not_guessed() {
        let with = |value: &str| {
            let variables = format!("AGUI_AUTH: token\n          BASE: {value}");
            get("BASE", &[&variables], &[])
        };
        for value in [
            "!If [A, a, b]",
            "!Sub 'https://${Open}'",
            "!Ref Open",
            "!GetAtt Agent0.Arn",
            "\"{{resolve:ssm:/gateway}}\"",
        ] {
            assert!(matches!(with(value), Setting::Undecided(_)), "{value}");
        }
        assert_eq!(with("!Ref Empty"), Setting::Unset);
        assert_eq!(with("\" \""), Setting::Unset);
        let expected = Setting::Text {
            value: "https://p.example".to_owned(),
            source: "the parameter Gateway".to_owned(),
        };
        assert_eq!(with("!Ref Gateway"), expected);
    }

    #[test]
    fn functions_that_name_a_model_must_agree() {
        let (one, other) = ("AGUI_MODEL: a/b\n          BASE: x", "AGUI_MODEL: a/b\n          BASE: y");
        assert_eq!(get("BASE", &[one, one], &[]).text(), Some("x"));
        assert!(matches!(get("BASE", &[one, other], &[]), Setting::Undecided(_)));
        assert!(matches!(get("BASE", &[one, "AGUI_MODEL: a/b"], &[]), Setting::Undecided(_)));
        assert!(matches!(get("BASE", &["AGUI_MODEL: a/b", one], &[]), Setting::Undecided(_)));
        // A function without a model asks no provider.
        assert_eq!(get("BASE", &[one, "AGUI_TOKEN_SECRET_ID: s\n          BASE: y"], &[]).text(), Some("x"));
    }
}
