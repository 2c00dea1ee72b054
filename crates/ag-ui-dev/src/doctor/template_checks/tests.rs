use super::super::report::Outcome;
use super::*;

/// A template whose every check is ok.
const RIGHT: &str = r#"
Conditions:
  UrlIsPublic: !Equals [a, a]
Resources:
  Agent:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: shop}}
    Properties:
      Timeout: 300
      AutoPublishAlias: live
      Environment:
        Variables:
          AGUI_TOKEN_SECRET_ID: !Ref SharedToken
          AGUI_RUN_TIMEOUT_S: "300"
          RUST_BACKTRACE: "1"
  AgentUrl:
    Type: AWS::Lambda::Url
    Properties:
      TargetFunctionArn: !Ref Agent.Alias
      AuthType: !If [UrlIsPublic, NONE, AWS_IAM]
      InvokeMode: RESPONSE_STREAM
  AgentUrlPermission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunctionUrl, FunctionName: !Ref Agent.Alias, Principal: "*", FunctionUrlAuthType: NONE}
  AgentUrlFunctionPermission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunction, FunctionName: !Ref Agent.Alias, Principal: "*", InvokedViaFunctionUrl: true}
"#;

/// Returns the findings of a project with this template.
fn findings(text: &str) -> Vec<Finding> {
    check(&Project::of_template(text))
}

/// Returns what one check finds in a template.
fn outcome(text: &str, check: &str) -> Outcome {
    findings(text).into_iter().find(|finding| finding.check == check).unwrap().outcome
}

#[test]
fn template_without_a_fault_passes_each_check() {
    for finding in findings(RIGHT) {
        assert!(matches!(finding.outcome, Outcome::Ok(_)), "{finding:?}");
    }
}

#[test]
fn each_fault_fails_its_check_with_a_fix() {
    let function_itself = ("!Ref Agent.Alias\n      AuthType", "!Ref Agent\n      AuthType");
    for (why, (right, wrong), check, problem, fix) in [
        ("not YAML", ("Resources:", "Resources: ["), "template", "cannot be read", "sam validate"),
        ("no resources", ("Resources:", "Others:"), "template", "no Resources", "sam validate"),
        (
            "a run longer than the function",
            ("\"300\"", "\"600\""),
            "timeout",
            "a run of Agent may take 600 s",
            "Timeout: 600",
        ),
        (
            "a function that is too short",
            ("Timeout: 300", "Timeout: 30"),
            "timeout",
            "after 30 s",
            "template.yaml:14",
        ),
        ("no timeout", ("Timeout: 300", "MemorySize: 512"), "timeout", "after 3 s", "Timeout: 300"),
        (
            "a buffered URL",
            ("InvokeMode: RESPONSE_STREAM", "InvokeMode: BUFFERED"),
            "streaming",
            "does not stream",
            "RESPONSE_STREAM",
        ),
        (
            "a URL without a mode",
            ("      InvokeMode: RESPONSE_STREAM\n", ""),
            "streaming",
            "does not stream",
            "template.yaml:",
        ),
        ("a URL of the function", function_itself, "alias", "calls Agent itself", "!Ref Agent.Alias"),
        (
            "a permission of the function",
            ("InvokeFunction, FunctionName: !Ref Agent.Alias", "InvokeFunction, FunctionName: !Ref Agent"),
            "alias",
            "lambda:InvokeFunction is not for Agent.Alias",
            "FunctionName: !Ref Agent.Alias",
        ),
        (
            "one permission",
            ("Action: lambda:InvokeFunction,", "Action: lambda:GetFunction,"),
            "alias",
            "nobody has lambda:InvokeFunction",
            "InvokedViaFunctionUrl: true",
        ),
        (
            "the other permission",
            ("lambda:InvokeFunctionUrl", "lambda:GetFunctionUrl"),
            "alias",
            "nobody has lambda:InvokeFunctionUrl",
            "FunctionUrlAuthType: NONE",
        ),
        (
            "local mode",
            ("RUST_BACKTRACE", "AGUI_LOCAL"),
            "local-settings",
            "template.yaml:15 has AGUI_LOCAL",
            "remove this line",
        ),
        (
            "a literal token",
            ("RUST_BACKTRACE", "AGUI_TOKEN"),
            "local-settings",
            "AGUI_TOKEN",
            "AGUI_TOKEN_SECRET_ID",
        ),
        (
            "a literal key",
            ("RUST_BACKTRACE", "AGUI_APPROVAL_KEY"),
            "local-settings",
            "AGUI_APPROVAL_KEY",
            "AGUI_APPROVAL_SECRET_ID",
        ),
        (
            "a misspelt variable",
            ("RUST_BACKTRACE", "AGUI_MAX_TURN"),
            "variables",
            "AGUI_MAX_TURN",
            "AGUI_MAX_TURNS",
        ),
        ("an unknown variable", ("RUST_BACKTRACE", "AGUI_QUX"), "variables", "AGUI_QUX", "remove the line"),
    ] {
        let text = RIGHT.replace(right, wrong);
        assert_ne!(text, RIGHT, "{why}");
        match outcome(&text, check) {
            Outcome::Failed { problem: found, fix: advice } => {
                assert!(found.contains(problem), "{why}: {found}");
                assert!(advice.contains(fix), "{why}: {advice}");
            }
            outcome => panic!("{why}: {outcome:?}"),
        }
    }
}

#[test]
fn settings_that_work_do_not_fail() {
    for (why, (right, wrong), check) in [
        ("a shorter run", ("\"300\"", "\"60\""), "timeout"),
        ("no variable", ("AGUI_RUN_TIMEOUT_S: \"300\"", "AGUI_MAX_TURNS: \"5\""), "timeout"),
        ("a URL for IAM alone", ("!If [UrlIsPublic, NONE, AWS_IAM]", "AWS_IAM"), "alias"),
        ("an empty token", ("RUST_BACKTRACE: \"1\"", "AGUI_TOKEN: \"\""), "local-settings"),
    ] {
        let text = RIGHT.replace(right, wrong);
        assert_ne!(text, RIGHT, "{why}");
        assert!(matches!(outcome(&text, check), Outcome::Ok(_)), "{why}: {:?}", outcome(&text, check));
    }
    let buffered = RIGHT
        .replace("RUST_BACKTRACE: \"1\"", "AGUI_RESPONSE_MODE: buffered")
        .replace("RESPONSE_STREAM", "BUFFERED");
    assert!(matches!(outcome(&buffered, "streaming"), Outcome::Ok(_)));
    let decided = RIGHT.replace("Timeout: 300", "Timeout: !If [A, 1, 2]");
    assert!(matches!(outcome(&decided, "timeout"), Outcome::Skipped(_)));
}

#[test]
fn other_templates_are_skipped() {
    let other = "Resources:\n  Queue: {Type: AWS::SQS::Queue}\n";
    for finding in findings(other) {
        assert!(matches!(finding.outcome, Outcome::Skipped(_)), "{finding:?}");
    }
}
