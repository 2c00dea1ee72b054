//! The templates as CloudFormation would deploy them: expanded by SAM, and resolved for given parameters.
//!
//! Only the functions that the templates use are resolved. The name of a resource stands for its `Ref`, and the name with an
//! attribute, such as `Agent.Arn`, for its `Fn::GetAtt`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::python;

/// A template after SAM has expanded it.
pub(crate) struct Template(Value);

/// A parameter and its value.
pub(crate) type Parameter<'a> = (&'a str, &'a str);

impl Template {
    /// Expands a template, whose path is relative to this repository.
    pub(crate) fn expand(path: &str) -> Self {
        let expanded = python().args(["scripts/expand-template.py", path]).output().unwrap();
        assert!(expanded.status.success(), "{path}: {}", String::from_utf8_lossy(&expanded.stderr));
        Self(serde_json::from_slice(&expanded.stdout).unwrap())
    }

    /// Returns the names of the parameters.
    pub(crate) fn parameters(&self) -> Vec<&str> {
        self.0["Parameters"].as_object().unwrap().keys().map(String::as_str).collect()
    }

    /// Returns the expanded template, in which nothing is resolved.
    pub(crate) fn expanded(&self) -> &Value {
        &self.0
    }

    /// Returns what CloudFormation deploys for these parameters, with the defaults for all others.
    ///
    /// # Errors
    /// Why CloudFormation refuses the parameters before it creates anything: the name of a parameter that does not have its
    /// form, or the description of an assertion that does not hold.
    pub(crate) fn resolve(&self, parameters: &[Parameter<'_>]) -> Result<Stack, String> {
        let values = Values { template: &self.0, parameters };
        for (name, declared) in self.0["Parameters"].as_object().unwrap() {
            values.check_form(name, declared)?;
        }
        for rule in self.0["Rules"].as_object().into_iter().flatten().map(|(_, rule)| rule) {
            let applies = rule.get("RuleCondition").is_none_or(|condition| values.is_true(condition));
            for assertion in rule["Assertions"].as_array().unwrap().iter().filter(|_| applies) {
                if !values.is_true(&assertion["Assert"]) {
                    return Err(assertion["AssertDescription"].as_str().unwrap().to_owned());
                }
            }
        }
        let section = |name: &str| -> Map<String, Value> {
            let items = self.0[name].as_object().into_iter().flatten();
            let created =
                items.filter(|(_, item)| item["Condition"].as_str().is_none_or(|name| values.holds(name)));
            created.map(|(name, item)| (name.clone(), values.resolve(item).unwrap())).collect()
        };
        Ok(Stack { resources: section("Resources"), outputs: section("Outputs") })
    }

    /// Returns what CloudFormation deploys for parameters that it accepts.
    pub(crate) fn deployed(&self, parameters: &[Parameter<'_>]) -> Stack {
        self.resolve(parameters).unwrap_or_else(|refused| panic!("{parameters:?}: {refused}"))
    }
}

/// A template for certain parameters: the resources and outputs that exist, without functions.
pub(crate) struct Stack {
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
}

impl Stack {
    /// Whether a resource is created.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.resources.contains_key(name)
    }

    /// Returns a resource.
    pub(crate) fn resource(&self, name: &str) -> &Value {
        self.resources.get(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Returns the properties of a resource.
    pub(crate) fn properties(&self, name: &str) -> &Value {
        &self.resource(name)["Properties"]
    }

    /// Returns the names of all resources of a type.
    pub(crate) fn all(&self, kind: &str) -> BTreeSet<&str> {
        let resources = self.resources.iter().filter(|(_, resource)| resource["Type"] == kind);
        resources.map(|(name, _)| name.as_str()).collect()
    }

    /// Returns the outputs, by their names.
    pub(crate) fn outputs(&self) -> Map<String, Value> {
        self.outputs.iter().map(|(name, output)| (name.clone(), output["Value"].clone())).collect()
    }

    /// Returns the statements of the policies of a role or of a managed policy, one line for each: its actions, resources and
    /// limits.
    pub(crate) fn statements(&self, name: &str) -> Vec<String> {
        let properties = self.properties(name);
        let inline = properties.get("Policies").and_then(Value::as_array).into_iter().flatten();
        let documents =
            inline.map(|policy| &policy["PolicyDocument"]).chain(properties.get("PolicyDocument"));
        let statements = documents.flat_map(|document| document["Statement"].as_array().unwrap());
        let line = |statement: &Value| {
            assert_eq!(statement["Effect"], "Allow");
            let limit = statement.get("Condition").map(|limit| format!(" if {limit}")).unwrap_or_default();
            format!("{} on {}{limit}", words(&statement["Action"]), words(&statement["Resource"]))
        };
        statements.map(line).collect()
    }

    /// Returns who may invoke functions, sorted, one line for each permission: the principal, the action, the function, and
    /// the limits.
    pub(crate) fn permissions(&self) -> Vec<String> {
        let permission = |name: &str| {
            let mut properties = self.properties(name).as_object().unwrap().clone();
            let [principal, action, function] =
                ["Principal", "Action", "FunctionName"].map(|key| properties.remove(key).unwrap());
            let limits = properties.iter().map(|(name, value)| format!(" {name}={}", words(value)));
            format!(
                "{} {} {}{}",
                words(&principal),
                words(&action),
                words(&function),
                limits.collect::<String>()
            )
        };
        let mut permissions: Vec<_> =
            self.all("AWS::Lambda::Permission").into_iter().map(permission).collect();
        permissions.sort();
        permissions
    }
}

/// Returns a text, or the texts of a list with commas.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The values of parameters, with which a template is resolved.
struct Values<'a> {
    template: &'a Value,
    parameters: &'a [Parameter<'a>],
}

impl Values<'_> {
    /// Checks that a parameter has the form that the template declares.
    fn check_form(&self, name: &str, declared: &Value) -> Result<(), String> {
        let value = self.parameter(name).ok_or_else(|| format!("{name} has no value"))?;
        let allowed = declared.get("AllowedValues").and_then(Value::as_array);
        let is_allowed = allowed.is_none_or(|allowed| allowed.iter().any(|one| words(one) == words(&value)));
        let pattern = declared.get("AllowedPattern").and_then(Value::as_str).unwrap_or(".*");
        let has_form =
            jsonschema::is_valid(&json!({"pattern": format!("^({pattern})$")}), &words(&value).into());
        if is_allowed && has_form { Ok(()) } else { Err(name.to_owned()) }
    }

    /// Returns the value of a parameter, or `None` if it has neither a value nor a default.
    fn parameter(&self, name: &str) -> Option<Value> {
        let given = self.parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| json!(value));
        given.or_else(|| self.template["Parameters"].get(name)?.get("Default").cloned())
    }

    /// Whether a condition of the template holds.
    fn holds(&self, condition: &str) -> bool {
        let condition =
            self.template["Conditions"].get(condition).unwrap_or_else(|| panic!("no {condition}"));
        self.is_true(condition)
    }

    /// Whether a condition function is true.
    fn is_true(&self, condition: &Value) -> bool {
        self.resolve(condition).unwrap() == json!(true)
    }

    /// Resolves a value; `None` is `AWS::NoValue`.
    fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| self.resolve(item)).collect()),
            Value::Object(members) => {
                let function = members.iter().next().filter(|_| members.len() == 1);
                let resolved = function.and_then(|(name, of)| self.call(name, of));
                resolved.unwrap_or_else(|| {
                    let members =
                        members.iter().filter_map(|(name, of)| Some((name.clone(), self.resolve(of)?)));
                    Some(members.collect())
                })
            }
            plain => Some(plain.clone()),
        }
    }

    /// Calls a function of CloudFormation. The outer `None` means that `name` is not a function; the inner one is
    /// `AWS::NoValue`.
    fn call(&self, name: &str, of: &Value) -> Option<Option<Value>> {
        let list = || of.as_array().unwrap();
        let text = |value: &Value| words(&self.resolve(value).unwrap());
        let parts = |value: &Value| match self.resolve(value).unwrap() {
            Value::Array(parts) => parts,
            other => panic!("{other} is not a list"),
        };
        let value: Value = match name {
            "Ref" if of == "AWS::NoValue" => return Some(None),
            "Ref" => self.reference(of.as_str().unwrap()),
            "Condition" => self.holds(of.as_str()?).into(),
            "Fn::If" => {
                let chosen = if self.holds(list()[0].as_str().unwrap()) { 1 } else { 2 };
                return Some(self.resolve(&list()[chosen]));
            }
            "Fn::Equals" => (text(&list()[0]) == text(&list()[1])).into(),
            "Fn::Not" => (!self.is_true(&list()[0])).into(),
            "Fn::And" => list().iter().all(|one| self.is_true(one)).into(),
            "Fn::Or" => list().iter().any(|one| self.is_true(one)).into(),
            "Fn::Select" => {
                let at: usize = text(&list()[0]).parse().unwrap();
                parts(&list()[1]).get(at).unwrap_or_else(|| panic!("{of} has no {at}")).clone()
            }
            "Fn::Split" => text(&list()[1]).split(list()[0].as_str().unwrap()).collect(),
            "Fn::Join" => {
                let parts: Vec<_> = parts(&list()[1]).iter().map(words).collect();
                parts.join(list()[0].as_str().unwrap()).into()
            }
            "Fn::Sub" => match of {
                Value::Array(parts) => {
                    self.substitute(parts[0].as_str().unwrap(), parts[1].as_object().unwrap())
                }
                text => self.substitute(text.as_str().unwrap(), &Map::new()),
            }
            .into(),
            "Fn::GetAtt" => list().iter().map(words).collect::<Vec<_>>().join(".").into(),
            other => {
                assert!(!other.starts_with("Fn::"), "{other} is not resolved here");
                return None;
            }
        };
        Some(Some(value))
    }

    /// Returns what a name refers to: a pseudo parameter, a parameter or a resource.
    fn reference(&self, name: &str) -> Value {
        match name {
            "AWS::AccountId" => json!("123456789012"),
            "AWS::Region" => json!("eu-central-1"),
            "AWS::Partition" => json!("aws"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            "AWS::StackName" => json!("agent"),
            _ => self.parameter(name).unwrap_or_else(|| json!(name)),
        }
    }

    /// Replaces each `${name}` of a text by a variable or what the name refers to.
    fn substitute(&self, text: &str, variables: &Map<String, Value>) -> String {
        let mut pieces = text.split("${");
        let mut substituted = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap();
            let value = variables
                .get(name)
                .map_or_else(|| self.reference(name), |value| self.resolve(value).unwrap());
            substituted.push_str(&words(&value));
            substituted.push_str(rest);
        }
        substituted
    }
}
