//! Parameters and files that are refused before anything is built, and before an answer is stored.

use std::fs;
use std::path::Path;

use super::machine::Machine;

const DEPLOY: [&str; 2] = ["make", "deploy"];

const PLAN: [&str; 2] = ["make", "plan"];

const CALLERS: &str = "IamPrincipals=arn:aws:sts::123456789012:assumed-role/Developer/*";

/// Creates a machine with the templates of this repository.
fn shipped(name: &str) -> Machine {
    Machine::with_templates(name, Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// Fails unless `make deploy` and `make plan` refuse these parameters, and nothing was built, stored or deployed.
#[track_caller]
fn assert_refused(machine: &Machine, parameters: &str, reason: &str) {
    let config = machine.file("samconfig.toml");
    for command in [DEPLOY, PLAN] {
        machine.run(&command, &[("PARAMETERS", parameters)]).assert_fails_with(&[reason]);
    }
    assert!(machine.calls().is_empty(), "{parameters}: {:?}", machine.calls());
    assert_eq!(machine.stacks(), Vec::<String>::new(), "{parameters}");
    assert_eq!(machine.file("samconfig.toml"), config, "{parameters}");
}

/// CloudFormation reads the rules of a stack beside the core only after the core was changed.
#[test]
fn rules_of_every_template_are_checked_first() {
    let machine = shipped("rules");
    let certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/abc";
    for (entry_point, more, reason) in [
        (
            "rest-iam",
            format!("{CALLERS} rest-api.DomainName=api.example.com"),
            "deploy/rest-api.yaml refuses these parameters: DomainName needs CertificateArn.",
        ),
        (
            "rest-iam",
            format!("{CALLERS} rest-api.CertificateArn={certificate}"),
            "deploy/rest-api.yaml refuses these parameters: CertificateArn and BasePath need DomainName.",
        ),
        (
            "cloudfront",
            "cloudfront.DomainNames=agent.example.com".to_owned(),
            "deploy/cloudfront.yaml refuses these parameters: DomainNames and CertificateArn need each other.",
        ),
        (
            "server-token",
            "AllowedOrigins=https://app.example".to_owned(),
            "template.yaml refuses these parameters: AllowedOrigins are for browsers",
        ),
        (
            "server-token",
            "UserJwtAudience=app".to_owned(),
            "template.yaml refuses these parameters: UserJwtIssuer and UserJwtAudience need each other.",
        ),
    ] {
        let parameters = format!("EntryPoint={entry_point} Model=scripted/demo AlarmEmail= {more}");
        assert_refused(&machine, &parameters, reason);
    }

    let domain = format!(
        "EntryPoint=rest-iam Model=scripted/demo AlarmEmail= {CALLERS} rest-api.DomainName=api.example.com \
         rest-api.CertificateArn={certificate}"
    );
    machine.run(&DEPLOY, &[("PARAMETERS", &domain)]).assert_has(&[]);
    assert_eq!(machine.stacks(), ["ag-ui-agent", "ag-ui-agent-rest-api"]);
}

/// A rule may name what only a deployment gives, or use a function that `make deploy` does not evaluate.
#[test]
fn rules_that_cannot_be_evaluated_are_left_to_cloudformation() {
    let machine = Machine::new("unknown-rules");
    let path = machine.project().join("deploy/rest-api.yaml");
    let rules = r#"
Rules:
  OfTheCore:
    Assertions:
      - Assert: !Equals [!Ref AliasArn, nothing]
  OfAList:
    Assertions:
      - Assert: !EachMemberIn [[a], [b]]
  OfTheEntryPoint:
    RuleCondition: !Equals [!Ref EntryPoint, rest-iam]
    Assertions:
      - Assert: !Not [!Equals [!Ref AllowedOrigins, "*"]]
        AssertDescription: Every page could call.
"#;
    fs::write(&path, format!("{}{rules}", fs::read_to_string(&path).unwrap())).unwrap();
    let answers = format!("EntryPoint=rest-iam Model=scripted/demo AlarmEmail= {CALLERS}");
    assert_refused(
        &machine,
        &format!("{answers} AllowedOrigins=*"),
        "rest-api.yaml refuses these parameters: Every page",
    );

    machine.run(&DEPLOY, &[("PARAMETERS", &answers)]).assert_has(&["The run has finished"]);
}

#[test]
fn parameters_of_a_later_stack_have_their_form_and_are_complete() {
    let machine = shipped("forms");
    let answers = format!("EntryPoint=rest-iam Model=scripted/demo AlarmEmail= {CALLERS}");
    for (more, reason) in [
        ("rest-api.RequestsPerSecond=many", "RequestsPerSecond: many is not a number"),
        ("rest-api.RequestBurst=0", "RequestBurst: 0 is less than 1"),
    ] {
        assert_refused(&machine, &format!("{answers} {more}"), reason);
    }
    // What somebody has written into the file is checked, too.
    let config = machine.file("samconfig.toml");
    let path = machine.project().join("samconfig.toml");
    fs::write(&path, format!("{config}\n[default.stacks.rest-api]\nDomainName = \"Example\"\n")).unwrap();
    assert_refused(
        &machine,
        &answers,
        "deploy/rest-api.yaml refuses DomainName: Example does not have the form",
    );

    let machine = Machine::new("incomplete");
    let path = machine.project().join("deploy/rest-api.yaml");
    let template = fs::read_to_string(&path).unwrap();
    let needs = template.replace("  AliasArn: {", "  Team: {Type: String}\n  AliasArn: {");
    assert_ne!(template, needs);
    fs::write(&path, needs).unwrap();
    assert_refused(&machine, &answers, "deploy/rest-api.yaml needs Team: PARAMETERS='rest-api.Team=...'");
}

#[test]
fn required_answers_that_are_empty_are_missing() {
    let machine = shipped("empty");
    let users = "UserJwtIssuer=https://issuer.invalid UserJwtAudience=app AllowedOrigins=https://app.example";
    for (entry_point, callers, missing) in [
        (
            "browser-jwt",
            "UserJwtIssuer= UserJwtAudience= AllowedOrigins=".to_owned(),
            "UserJwtIssuer=https://...",
        ),
        ("browser-jwt", format!("{users} AllowedOrigins="), "Who signs the JWTs of your users"),
        ("rest-iam", "IamPrincipals=".to_owned(), "Which IAM principals may call?"),
        ("rest-cognito", "CognitoUserPoolArn= CognitoClientIds=app".to_owned(), "CognitoUserPoolArn=arn:..."),
    ] {
        let parameters = format!("EntryPoint={entry_point} Model=scripted/demo AlarmEmail= {callers}");
        assert_refused(&machine, &parameters, missing);
    }
}

/// An issuer is checked as in the terminal. The stored one was checked before.
#[test]
fn issuer_that_is_given_as_a_parameter_is_checked() {
    let machine = Machine::new("given-issuer");
    let answers = |issuer: &str| {
        format!(
            "EntryPoint=server-token Model=scripted/demo AlarmEmail= UserJwtIssuer={issuer} UserJwtAudience=app"
        )
    };
    assert_refused(
        &machine,
        &answers("https://issuer.invalid:port"),
        "UserJwtIssuer: https://issuer.invalid:port is not an issuer",
    );

    let note = "issuer.invalid/.well-known/openid-configuration cannot be read from here";
    let given = machine.run(&DEPLOY, &[("PARAMETERS", &answers("https://issuer.invalid"))]);
    given.assert_has(&[note]);
    let stored = machine.run(&DEPLOY, &[]);
    stored.assert_has(&[]);
    assert!(!stored.text.contains("openid-configuration"), "{}", stored.text);
}

/// Only a status that says that there is no document is about the issuer. Others are about this machine or this moment.
#[test]
fn issuer_is_refused_only_if_it_has_no_document() {
    let check = r#"
import sys, urllib.error
sys.path.insert(0, "scripts/deploy")
import checks

def refuse(address, timeout):
    raise urllib.error.HTTPError(address, int(sys.argv[1]), "Sample", {}, None)

checks.open_url = refuse
try:
    checks.check_issuer("https://issuer.example")
except checks.Invalid as reason:
    sys.exit(str(reason))
"#;
    let machine = Machine::new("issuer-status");
    let python = machine.project().join(".venv-sam/bin/python");
    let document = "https://issuer.example/.well-known/openid-configuration";
    for (status, is_invalid) in [
        ("404", true),
        ("410", true),
        ("302", false),
        ("403", false),
        ("429", false),
        ("500", false),
        ("503", false),
    ] {
        let checked = machine.run(&[python.to_str().unwrap(), "-B", "-c", check, status], &[]);

        if is_invalid {
            checked.assert_fails_with(&[&format!("{document} answers {status}, so this is not an issuer")]);
        } else {
            let note = format!("Note: {document} cannot be read from here (HTTP Error {status}: Sample).");
            checked.assert_has(&[&note]);
        }
    }
}

/// TOML has several forms of a table, and answers can be added only to those with a header.
#[test]
fn tables_of_another_form_are_named() {
    let machine = Machine::new("tables");
    let given = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");
    let form = "has a table in a form to which answers cannot be added. Write each table of default with a header of its own";
    let stored = "[default.deploy.parameters]\nstack_name = \"shop\"\n";
    for (config, reason) in [
        ("default = {deploy = {parameters = {stack_name = \"shop\"}}}\n".to_owned(), form),
        ("[default.deploy]\nparameters = {stack_name = \"shop\"}\n".to_owned(), form),
        ("[default]\ndeploy.parameters.stack_name = \"shop\"\n".to_owned(), form),
        ("[default.deploy.parameters]\nstack_name = 7\n".to_owned(), "stack_name must be a text in quotes"),
        (format!("{stored}[default.stacks]\nalarms = \"x\"\n"), "samconfig.toml: alarms must be a table"),
        (
            format!("{stored}parameter_overrides = 7\n"),
            "parameter_overrides must be a table, a text or a list of texts",
        ),
        (
            format!("{stored}parameter_overrides = [7]\n"),
            "parameter_overrides must be a table, a text or a list of texts",
        ),
        (format!("{stored}region = 7\n"), "region must be a text in quotes"),
    ] {
        fs::write(machine.project().join("samconfig.toml"), &config).unwrap();
        machine.run(&DEPLOY, &[given]).assert_fails_with(&[reason]);
        assert_eq!(machine.file("samconfig.toml"), config);
        assert!(machine.calls().is_empty(), "{config}: {:?}", machine.calls());
    }
}

#[test]
fn mistakes_in_the_files_of_a_project_are_named_with_their_line() {
    let machine = Machine::new("mistakes");
    for (file, line, reason) in [
        ("template.yaml", "Resources: [", "template.yaml, line "),
        ("template.yaml", "Resources: 7", "template.yaml has no Resources"),
        (
            "samconfig.toml",
            "stack_name = \"a\"\nstack_name = \"b\"",
            "samconfig.toml: Cannot overwrite a value (at line ",
        ),
        ("samconfig.toml", "stack_name", "samconfig.toml: "),
    ] {
        let path = machine.project().join(file);
        let before = machine.file(file);
        fs::write(&path, format!("{before}\n{line}\n")).unwrap();
        for command in ["deploy", "plan", "destroy", "token"] {
            machine.run(&["make", command], &[]).assert_fails_with(&[reason]);
        }
        fs::write(&path, before).unwrap();
    }
    let path = machine.project().join("deploy/rest-api.yaml");
    fs::write(&path, "Parameters:\n  A: {Type: String\nResources: {}\n").unwrap();
    let given = ("PARAMETERS", "rest-api.A=1");
    machine.run(&DEPLOY, &[given]).assert_fails_with(&["deploy/rest-api.yaml, line 3: "]);
    let config = machine.file("samconfig.toml");
    fs::write(machine.project().join("samconfig.toml"), format!("other = 1\n{config}")).unwrap();
    machine.run(&DEPLOY, &[("ENV", "other")]).assert_fails_with(&["samconfig.toml: other must be a table"]);
}

/// CloudFormation refuses these templates, too, but only after everything was built.
#[test]
fn parts_of_a_template_with_nothing_below_them_are_named() {
    let machine = Machine::new("empty-parts");
    let path = machine.project().join("template.yaml");
    let template = machine.file("template.yaml");
    let given = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");
    let table = "    Type: AWS::DynamoDB::Table\n";
    let values = "    AllowedValues: [server-token, browser-jwt, signed-url, cloudfront, rest-cognito, rest-lambda, rest-iam]\n";
    let number = "  MaxConcurrentRuns: {Type: String, Default: \"\"}\n";
    for (part, instead, reason) in [
        (table, format!("{table}    Properties:\n"), "the resource Answers: Properties must be a mapping"),
        (table, format!("{table}    Metadata: text\n"), "the resource Answers: Metadata must be a mapping"),
        (table, String::new(), "template.yaml: the resource Answers must be a mapping"),
        (
            "      BuildProperties: {Binary: shop-agent}\n",
            "      BuildProperties:\n".to_owned(),
            "the resource Agent: BuildProperties must be a mapping",
        ),
        (
            number,
            "  MaxConcurrentRuns:\n".to_owned(),
            "template.yaml: the parameter MaxConcurrentRuns must be a mapping",
        ),
        (
            number,
            "  MaxConcurrentRuns: {Type: Number, MinValue: }\n".to_owned(),
            "the parameter MaxConcurrentRuns: MinValue is empty; it must be a number",
        ),
        (
            number,
            "  MaxConcurrentRuns: {Type: String, Default: !Ref Model}\n".to_owned(),
            "the parameter MaxConcurrentRuns: Default must be one value",
        ),
        (
            values,
            "    AllowedValues:\n".to_owned(),
            "the parameter EntryPoint: AllowedValues must be a list of values",
        ),
        (values, String::new(), "template.yaml must have the parameter EntryPoint with AllowedValues"),
        (
            "\nOutputs:\n",
            "\nRules: {Of: {}}\nOutputs:\n".to_owned(),
            "the rule Of: Assertions must be a list",
        ),
        ("\nOutputs:\n", "\nRules: [of]\nOutputs:\n".to_owned(), "template.yaml: Rules must be a mapping"),
    ] {
        let changed = template.replace(part, &instead);
        assert_ne!(changed, template, "{reason}");
        fs::write(&path, changed).unwrap();
        machine.run(&DEPLOY, &[given]).assert_fails_with(&[reason]);
        assert!(machine.calls().is_empty(), "{reason}: {:?}", machine.calls());
    }

    // A rule with a form that CloudFormation will refuse, a pattern that Python does not know, and empty sections.
    let rule = "\nRules:\n  Of:\n    Assertions:\n      - Assert: !Not [!Condition Unknown]\nConditions:\nOutputs:\n";
    let changed = template.replace("\nOutputs:\n", rule).replace("\"(https://.+)?\"", "\"(?<x>.*)\"");
    assert_eq!(changed.matches("(?<x>").count(), 1);
    fs::write(&path, changed).unwrap();
    machine.run(&DEPLOY, &[given]).assert_has(&["The run has finished"]);
}

#[test]
fn outputs_that_the_commands_read_are_named_if_they_are_missing() {
    for output in ["AliasArn", "TokenSecretArn"] {
        let machine = Machine::new("no-output");
        let template = machine.file("template.yaml");
        let kept: Vec<&str> =
            template.lines().filter(|line| !line.starts_with(&format!("  {output}:"))).collect();
        assert_eq!(kept.len() + 1, template.lines().count(), "{output}");
        fs::write(machine.project().join("template.yaml"), kept.join("\n")).unwrap();
        let given = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");

        let reason = format!("no output {output}: add it to template.yaml, under Outputs");
        machine.run(&DEPLOY, &[given]).assert_fails_with(&[&reason]);
    }
}
