//! The checks of template.yaml: what CloudFormation accepts, and what then does not work when the function runs.

use serde_json::Value;
use strsim::osa_distance;

use super::known_variables::KNOWN;
use super::project::Project;
use super::report::Finding;
use super::template::{PREFIX, Resource, Template};

/// How long a run may take if `AGUI_RUN_TIMEOUT_S` is not set, in seconds.
const RUN_TIMEOUT_S: u64 = 280;
/// The timeout of a function that sets none, in seconds.
const LAMBDA_TIMEOUT_S: u64 = 3;
/// Variables that only local mode has.
const LOCAL: [&str; 3] = ["AGUI_LOCAL", "AGUI_TOKEN", "AGUI_APPROVAL_KEY"];

/// Makes the checks of the group "Template".
pub(super) fn check(project: &Project) -> Vec<Finding> {
    const CHECKS: [&str; 6] = ["template", "timeout", "streaming", "alias", "local-settings", "variables"];
    let template = match &project.template {
        None => return Finding::all_skipped(&CHECKS, "there is no template.yaml in this folder"),
        Some(Ok(template)) => template,
        Some(Err(problem)) => {
            let fix = "correct it until this command prints no error:\n  sam validate --lint";
            let failed = Finding::failed("template", format!("template.yaml cannot be read: {problem}"), fix);
            let rest = Finding::all_skipped(&CHECKS[1..], "template.yaml cannot be read");
            return [failed].into_iter().chain(rest).collect();
        }
    };
    let agents = template.agents();
    if agents.is_empty() {
        let reason = "no function of template.yaml has a variable AGUI_*";
        return Finding::all_skipped(&CHECKS, reason);
    }
    let names: Vec<&str> = agents.iter().map(|agent| agent.name).collect();
    vec![
        Finding::ok("template", format!("template.yaml has the function {}", names.join(" and "))),
        timeout(template, &agents),
        streaming(template, &agents),
        alias(template, &agents),
        local_settings(template, &agents),
        variables(template, &agents),
    ]
}

/// Checks that a run ends by its own limit, and not because Lambda ends the function.
fn timeout(template: &Template, agents: &[Resource<'_>]) -> Finding {
    let mut found = Vec::new();
    for agent in agents {
        let number = |value: Option<&Value>, missing: u64| match value {
            None => Some(missing),
            Some(value) => match template.text(value)?.trim() {
                "" => Some(missing),
                text => text.parse().ok(),
            },
        };
        let variables = template.variables(agent);
        let variable = variables.iter().find(|variable| variable.name == "AGUI_RUN_TIMEOUT_S");
        let run = number(variable.map(|variable| variable.value), RUN_TIMEOUT_S);
        let function = number(template.property(agent, "Timeout"), LAMBDA_TIMEOUT_S);
        let (Some(run), Some(function)) = (run, function) else {
            return Finding::skipped(
                "timeout",
                format!("a condition of {} decides about it", template.name()),
            );
        };
        if run > function {
            let place =
                variable.map_or_else(|| template.name().to_owned(), |variable| variable.place.clone());
            let problem = format!(
                "a run of {} may take {run} s (AGUI_RUN_TIMEOUT_S), but Lambda ends the function after {function} s (Timeout)",
                agent.name
            );
            let fix = format!(
                "make them equal in {place}, at most 900:\n  Timeout: {run}\n  AGUI_RUN_TIMEOUT_S: \"{run}\""
            );
            return Finding::failed("timeout", problem, fix);
        }
        found.push(match run == function {
            true => format!("Timeout and AGUI_RUN_TIMEOUT_S are both {run} s"),
            false => format!("a run may take {run} s, and the function {function} s"),
        });
    }
    Finding::ok("timeout", found.join("; "))
}

/// Checks that function URLs stream.
fn streaming(template: &Template, agents: &[Resource<'_>]) -> Finding {
    let is_buffered = template.is_buffered();
    let own = agents.iter().filter_map(|agent| {
        let pointer = format!("/Resources/{}/Properties/FunctionUrlConfig", agent.name);
        Some((agent.name, template.property(agent, "FunctionUrlConfig")?, pointer))
    });
    let urls = template.resources("AWS::Lambda::Url").into_iter();
    let urls =
        urls.map(|url| (url.name, &url.value["Properties"], format!("/Resources/{}/Properties", url.name)));
    let mut found = Vec::new();
    for (name, properties, pointer) in urls.chain(own) {
        let mode = properties.get("InvokeMode").map(|mode| template.text(mode));
        match mode {
            Some(None) => {
                return Finding::skipped(
                    "streaming",
                    format!("a condition decides about InvokeMode of {name}"),
                );
            }
            Some(Some(mode)) if mode == "RESPONSE_STREAM" || is_buffered => {
                found.push(format!("{name} has InvokeMode {mode}"));
            }
            None if is_buffered => found.push(format!("{name} is buffered, as AGUI_RESPONSE_MODE says")),
            _ => {
                let problem = format!(
                    "the URL {name} does not stream: every run would arrive in one piece, at its end"
                );
                let fix = format!("add this to {}:\n  InvokeMode: RESPONSE_STREAM", template.place(&pointer));
                return Finding::failed("streaming", problem, fix);
            }
        }
    }
    match found.is_empty() {
        true => Finding::skipped("streaming", "template.yaml has no function URL"),
        false => Finding::ok("streaming", found.join("; ")),
    }
}

/// Checks that a URL and its permissions are those of the alias: otherwise AWS refuses every request with 403, or a roll-back
/// changes nothing for callers. A public URL needs both permissions.
fn alias(template: &Template, agents: &[Resource<'_>]) -> Finding {
    let urls = template.resources("AWS::Lambda::Url");
    if urls.is_empty() {
        return Finding::skipped("alias", "template.yaml has no resource AWS::Lambda::Url");
    }
    for url in &urls {
        let properties = &url.value["Properties"];
        let target = target(&properties["TargetFunctionArn"], properties.get("Qualifier"));
        let place = template.place(&format!("/Resources/{}/Properties", url.name));
        let agent = agents
            .iter()
            .find(|agent| target == agent.name || target.starts_with(&format!("{}.", agent.name)));
        let Some(agent) = agent else { continue };
        if template.property(agent, "AutoPublishAlias").is_some() && target == agent.name {
            let problem = format!(
                "the URL {} calls {} itself and not its alias, so a roll-back changes nothing",
                url.name, agent.name
            );
            let fix = format!(
                "write this at {place}. The URL changes, because one cannot be moved:\n  TargetFunctionArn: !Ref {}.Alias",
                agent.name
            );
            return Finding::failed("alias", problem, fix);
        }
        if !is_public(&properties["AuthType"]) {
            continue;
        }
        for action in ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"] {
            let permissions = template.resources("AWS::Lambda::Permission");
            let mut of_action =
                permissions.iter().filter(|permission| permission.value["Properties"]["Action"] == action);
            let wanted = format!(
                "  {}{}:\n    Type: AWS::Lambda::Permission\n    Properties:\n      Action: {action}\n      FunctionName: !Ref {target}\n      Principal: \"*\"\n      {}",
                url.name,
                if action == "lambda:InvokeFunction" { "FunctionPermission" } else { "Permission" },
                if action == "lambda:InvokeFunction" {
                    "InvokedViaFunctionUrl: true"
                } else {
                    "FunctionUrlAuthType: NONE"
                },
            );
            if permissions.iter().all(|permission| permission.value["Properties"]["Action"] != action) {
                let problem = format!(
                    "AWS refuses every request to the URL {} with 403: nobody has {action}",
                    url.name
                );
                return Finding::failed(
                    "alias",
                    problem,
                    format!("add this resource to template.yaml:\n{wanted}"),
                );
            }
            let fits = |permission: &Resource<'_>| {
                let properties = &permission.value["Properties"];
                self::target(&properties["FunctionName"], properties.get("Qualifier")) == target
            };
            if !of_action.any(fits) {
                let problem = format!(
                    "the permission {action} is not for {target}, which the URL {} calls, so AWS refuses every request with 403",
                    url.name
                );
                return Finding::failed(
                    "alias",
                    problem,
                    format!(
                        "write this into the permission in template.yaml:\n  FunctionName: !Ref {target}"
                    ),
                );
            }
        }
    }
    Finding::ok("alias", "URLs and their permissions are those of the alias")
}

/// Returns what a URL or a permission is for, such as `Agent.Alias`.
fn target(function: &Value, qualifier: Option<&Value>) -> String {
    let name = ["Ref", "Fn::GetAtt"].iter().find_map(|name| function.get(*name)?.as_str());
    let name = name.or_else(|| function.as_str()).unwrap_or_default();
    let name = name.strip_suffix(".Arn").unwrap_or(name);
    if qualifier.is_some() { format!("{name}.Alias") } else { name.to_owned() }
}

/// Whether a URL can be public: `NONE` is its kind of authentication, or one of those between which a condition chooses.
fn is_public(auth: &Value) -> bool {
    auth == "NONE"
        || auth
            .get("Fn::If")
            .and_then(Value::as_array)
            .is_some_and(|choices| choices.iter().any(|choice| choice == "NONE"))
}

/// Checks that nothing of local mode is deployed. Literal tokens would be readable by everybody who sees the function.
fn local_settings(template: &Template, agents: &[Resource<'_>]) -> Finding {
    let variables = agents.iter().flat_map(|agent| template.variables(agent));
    for variable in variables.filter(|variable| LOCAL.contains(&variable.name)) {
        if template.text(variable.value).is_some_and(|text| ["", "0"].contains(&text.as_str())) {
            continue;
        }
        let problem = format!(
            "{} has {}, which is for local mode only: the function does not start",
            variable.place, variable.name
        );
        let instead = match variable.name {
            "AGUI_TOKEN" => " and name a secret in AGUI_TOKEN_SECRET_ID",
            "AGUI_APPROVAL_KEY" => " and name a secret in AGUI_APPROVAL_SECRET_ID",
            _ => "",
        };
        return Finding::failed("local-settings", problem, format!("remove this line{instead}"));
    }
    Finding::ok("local-settings", format!("none of {} is set", LOCAL.join(", ")))
}

/// Checks that every variable of this crate's has a name that the function knows.
fn variables(template: &Template, agents: &[Resource<'_>]) -> Finding {
    let variables = agents.iter().flat_map(|agent| template.variables(agent));
    let own: Vec<_> = variables.filter(|variable| variable.name.starts_with(PREFIX)).collect();
    match own.iter().find(|variable| !KNOWN.contains(&variable.name)) {
        None => Finding::ok("variables", format!("all {} variables AGUI_* are known", own.len())),
        Some(unknown) => {
            let problem = format!(
                "{} has {}, which the function does not know and ignores",
                unknown.place, unknown.name
            );
            let fix = match nearest(unknown.name) {
                Some(near) => format!("write {near}, or remove the line"),
                None => "remove the line".to_owned(),
            };
            Finding::failed("variables", problem, fix)
        }
    }
}

/// Returns the known variable with the most similar name; `None` if none is similar: at most one in three letters may differ.
fn nearest(name: &str) -> Option<&'static str> {
    let word = name.strip_prefix(PREFIX).unwrap_or(name);
    let near = KNOWN.iter().filter_map(|known| {
        let distance = osa_distance(word, known.strip_prefix(PREFIX)?);
        (distance <= word.chars().count().div_ceil(3)).then_some((distance, *known))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

#[cfg(test)]
mod tests;
