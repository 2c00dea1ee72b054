//! The models that answer: which they are, which keys they need, and whether their names can be used.

use strsim::osa_distance;

use super::machine::Machine;
use super::project::Project;
use super::report::Finding;
use super::settings::{Setting, Settings};

/// All adapters, with the variable of the key of each that needs one.
const ADAPTERS: &[(&str, Option<&str>)] = &[
    ("scripted", None),
    ("bedrock", None),
    ("mantle", None),
    ("mantle-responses", None),
    ("openai", Some("OPENAI_API_KEY")),
    ("openai-responses", Some("OPENAI_API_KEY")),
    ("anthropic", Some("ANTHROPIC_API_KEY")),
    ("gemini", Some("GEMINI_API_KEY")),
    ("ollama", None),
    ("groq", Some("GROQ_API_KEY")),
    ("mistral", Some("MISTRAL_API_KEY")),
    ("deepseek", Some("DEEPSEEK_API_KEY")),
    ("xai", Some("XAI_API_KEY")),
    ("together", Some("TOGETHER_API_KEY")),
    ("fireworks", Some("FIREWORKS_API_KEY")),
    ("openrouter", Some("OPENROUTER_API_KEY")),
    ("nebius", Some("NEBIUS_API_KEY")),
    ("zai", Some("ZAI_API_KEY")),
    ("moonshot", Some("MOONSHOT_API_KEY")),
    ("minimax", Some("MINIMAX_API_KEY")),
];

/// The models of a project, in the order in which they are asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Models {
    /// Pairs of an adapter and an id. The id is empty where the entry has none.
    pub(super) names: Vec<(String, String)>,
    /// What names them.
    source: String,
    /// Why nobody knows them before the deployment. Then there are no names.
    pub(super) undecided: Option<String>,
}

impl Models {
    /// Finds the models: those of `AGUI_MODEL` in the environment or in template.yaml, else those that the template's parameter
    /// `Model` has. Without any of them it is the script of local mode.
    pub(super) fn find(machine: &Machine, project: &Project) -> Self {
        let setting = Settings { machine, project }.get("AGUI_MODEL");
        match (setting, project.parameter("Model")) {
            (Setting::Text { value, source }, _) => Self::parse(&value, &source),
            (Setting::Undecided(_) | Setting::Unset, Some(text)) => Self::parse(text, "the parameter Model"),
            (Setting::Undecided(reason), None) => {
                Self { names: Vec::new(), source: "AGUI_MODEL".to_owned(), undecided: Some(reason) }
            }
            (Setting::Unset, None) => Self::parse("scripted/demo", "the default of local mode"),
        }
    }

    /// Reads a list with commas of `<adapter>/<model id>`.
    fn parse(text: &str, source: &str) -> Self {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let names = entries.map(|entry| {
            let (adapter, id) = entry.split_once('/').unwrap_or((entry, ""));
            (adapter.trim().to_owned(), id.trim().to_owned())
        });
        Self { names: names.collect(), source: source.to_owned(), undecided: None }
    }

    /// Returns the models of Amazon Bedrock: pairs of an adapter and an id.
    pub(super) fn of_bedrock(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.names.iter().map(|(adapter, id)| (adapter.as_str(), id.as_str()));
        names.filter(|(adapter, _)| *adapter == "bedrock" || adapter.starts_with("mantle"))
    }

    /// Whether a model is one of Amazon Bedrock.
    pub(super) fn uses_bedrock(&self) -> bool {
        self.of_bedrock().next().is_some()
    }

    /// Whether the first model is the script, which is no language model.
    pub(super) fn is_scripted(&self) -> bool {
        self.names.first().is_some_and(|(adapter, _)| adapter == "scripted")
    }

    /// Returns the variables of the keys that the models need.
    pub(super) fn key_variables(&self) -> Vec<&'static str> {
        let mut variables: Vec<_> =
            self.names.iter().filter_map(|(adapter, _)| key_variable(adapter)).collect();
        variables.sort_unstable();
        variables.dedup();
        variables
    }
}

/// Returns the variable of the key that an adapter needs.
pub(super) fn key_variable(adapter: &str) -> Option<&'static str> {
    ADAPTERS.iter().find(|(name, _)| *name == adapter).and_then(|(_, variable)| *variable)
}

/// Checks that each entry has an adapter that the function knows, and the id of a model.
pub(super) fn check_names(models: &Models) -> Finding {
    const CHECK: &str = "model";
    const FORM: &str = "write <adapter>/<model id>, such as scripted/demo, which needs no provider:\n  export AGUI_MODEL=scripted/demo";
    let source = &models.source;
    for (adapter, id) in &models.names {
        if !ADAPTERS.iter().any(|(name, _)| name == adapter) {
            let near = nearest(adapter).map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
            let known = ADAPTERS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let problem = format!("{source} names an unknown adapter, {adapter}.{near}");
            return Finding::failed(CHECK, problem, format!("{FORM}\nThe adapters are: {known}"));
        }
        if id.is_empty() {
            return Finding::failed(CHECK, format!("{source} has {adapter} without the id of a model"), FORM);
        }
        if adapter == "scripted" && id != "demo" {
            return Finding::failed(
                CHECK,
                format!("{source} has the script {id}; the only one is demo"),
                FORM,
            );
        }
    }
    let names: Vec<String> = models.names.iter().map(|(adapter, id)| format!("{adapter}/{id}")).collect();
    let note = if models.is_scripted() { ". It is a script and not a language model" } else { "" };
    Finding::ok(CHECK, format!("{}, from {source}{note}", names.join(", ")))
}

/// Returns the adapter with the most similar name; `None` if none is similar.
fn nearest(adapter: &str) -> Option<&'static str> {
    let near = ADAPTERS.iter().map(|(name, _)| (osa_distance(adapter, name), *name));
    let near = near.filter(|(distance, _)| *distance <= adapter.chars().count().div_ceil(3));
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    #[test]
    fn adapters_are_those_of_the_page_about_models() {
        let page = include_str!("../../../../docs/models.md");
        let section = page.split("\n## Adapters\n").nth(1).unwrap().trim_start();
        let table = section.lines().take_while(|line| line.starts_with('|'));
        let rows = table.filter(|line| line.starts_with("| `"));
        let cells = rows.map(|row| row.split(" | ").next().unwrap());
        let mut documented: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        let mut known: Vec<&str> = ADAPTERS.iter().map(|(name, _)| *name).collect();
        documented.sort_unstable();
        known.sort_unstable();
        assert_eq!(documented, known);
    }

    #[test]
    fn names_that_the_function_would_refuse_fail() {
        for (text, problem) in [
            ("scripted/demo", None),
            ("openai/gpt-5.1, bedrock/global.anthropic.claude", None),
            ("opnai/gpt-5.1", Some("unknown adapter, opnai. Did you mean openai?")),
            ("gpt-5.1", Some("unknown adapter, gpt-5.1.")),
            ("openai/", Some("openai without the id")),
            ("scripted/other", Some("the only one is demo")),
        ] {
            let outcome = check_names(&Models::parse(text, "AGUI_MODEL")).outcome;
            match (outcome, problem) {
                (Outcome::Ok(_), None) => {}
                (Outcome::Failed { problem, .. }, Some(expected)) => {
                    assert!(problem.contains(expected), "{problem}");
                }
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn keys_are_named_once() {
        let models =
            Models::parse("openai/a,openai-responses/b,anthropic/c,bedrock/d,ollama/e", "AGUI_MODEL");
        assert_eq!(models.key_variables(), ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]);
        assert!(models.uses_bedrock() && !models.is_scripted());
    }
}
