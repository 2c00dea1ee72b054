//! The model, which is asked before anything is built, and what the function may invoke.

use serde_json::json;

use super::machine::Machine;

const DEPLOY: [&str; 2] = ["make", "deploy"];

#[test]
fn model_that_the_account_cannot_use_is_explained_and_not_deployed() {
    let form = "Model use case details have not been submitted for this account.";
    let marketplace = "Your account is not authorized: aws-marketplace:Subscribe is denied.";
    let on_demand = "Invocation with on-demand throughput isn't supported.";
    let deployer = "User x is not authorized to perform: bedrock:InvokeModel on resource y";
    for (why, code, message, expected) in [
        ("no form", "ResourceNotFoundException", form, Some("Submit use case details")),
        ("no subscription", "AccessDeniedException", marketplace, Some("aws-marketplace:Subscribe Run this")),
        ("no profile", "ValidationException", on_demand, Some("try bedrock/global.anthropic.sample")),
        (
            "at its end",
            "ResourceNotFoundException",
            "The model is at its end of life.",
            Some("Model catalog"),
        ),
        ("busy", "ThrottlingException", "Too many requests.", None),
        ("whoever deploys may not invoke it", "AccessDeniedException", deployer, None),
    ] {
        let machine = Machine::new("model");
        machine.play(&json!({"bedrock": {"anthropic.sample": [code, message]}}));
        let parameters = "Model=bedrock/anthropic.sample EntryPoint=server-token AlarmEmail=";
        let parameters = ("PARAMETERS", parameters);

        let deployed = machine.run(&DEPLOY, &[parameters]);

        match expected {
            Some(expected) => {
                deployed.assert_fails_with(&[message, expected, "Nothing was deployed."]);
                assert!(machine.calls().is_empty(), "{why}: {:?}", machine.calls());
            }
            None => deployed.assert_has(&["was not checked", message]),
        }
    }
}

#[test]
fn models_at_both_endpoints_of_bedrock_are_asked() {
    let machine = Machine::new("mantle");
    let models = "mantle/openai.gpt-oss-120b,mantle-responses/openai.gpt-5.5,bedrock/amazon.sample";
    let arns = "BedrockModelArns=arn:aws:bedrock:*::foundation-model/amazon.sample";
    let given = format!("EntryPoint=server-token Model={models} {arns} AlarmEmail=");

    machine.run(&DEPLOY, &[("PARAMETERS", &given)]).assert_has(&["The run has finished"]);

    let asked = machine.state()["asked"].clone();
    assert_eq!(asked, json!(["chat/completions openai.gpt-oss-120b", "responses openai.gpt-5.5"]));
}

#[test]
fn refusal_of_mantle_is_explained_or_a_note() {
    for (why, status, message, expected) in [
        ("no such model", 404, "The model `openai.sample` does not exist", Some("with which API")),
        ("another API", 400, "The model isn't supported on this route", Some("mantle-responses/...")),
        ("no form", 403, "Model use case details have not been submitted", Some("Submit use case details")),
        (
            "no subscription",
            403,
            "aws-marketplace:Subscribe is denied",
            Some("aws-marketplace:Subscribe Run"),
        ),
        ("whoever deploys may not call it", 403, "not authorized: bedrock-mantle:CreateInference", None),
        ("busy", 429, "Too many requests", None),
    ] {
        let machine = Machine::new("mantle-refused");
        machine.play(&json!({"mantle": {"openai.sample": [status, message]}}));
        let given = ("PARAMETERS", "EntryPoint=server-token Model=mantle/openai.sample AlarmEmail=");

        let deployed = machine.run(&DEPLOY, &[given]);

        match expected {
            Some(expected) => {
                deployed.assert_fails_with(&[message, expected, "Nothing was deployed."]);
                assert!(machine.calls().is_empty(), "{why}: {:?}", machine.calls());
            }
            None => deployed.assert_has(&["was not checked", message, "The run has finished"]),
        }
    }
    let machine = Machine::new("mantle-unreachable");
    let given = ("PARAMETERS", "EntryPoint=server-token Model=mantle/openai.sample AlarmEmail=");
    let nowhere = ("AWS_BEDROCK_BASE_URL", "http://127.0.0.1:1");
    machine.run(&DEPLOY, &[given, nowhere]).assert_has(&["was not checked", "The run has finished"]);
}

/// The rules of a template cannot look into a value, so a role without the model would be noticed at the first run.
#[test]
fn arns_that_do_not_agree_with_the_model_are_refused() {
    let profile = "arn:aws:bedrock:*:*:inference-profile/global.anthropic.sample";
    let model = "arn:aws:bedrock:*::foundation-model/anthropic.sample";
    let own = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc";
    let two = "bedrock/global.anthropic.sample,bedrock/amazon.sample";
    let both = format!("{profile},{model}");
    let any = "arn:aws:bedrock:*::foundation-model/*";
    for (why, models, arns, expected) in [
        (
            "of another model",
            "bedrock/amazon.sample",
            model,
            Some("does not allow foundation-model/amazon.sample"),
        ),
        ("of the first model only", two, &both, Some("does not allow foundation-model/amazon.sample")),
        (
            "without the profile",
            "bedrock/global.anthropic.sample",
            model,
            Some("inference-profile/global.anthropic.sample"),
        ),
        ("of no model", "scripted/demo", model, Some("Empty it: PARAMETERS='BedrockModelArns='")),
        ("none for two models", two, "", Some("may not invoke each model")),
        ("as derived", "bedrock/global.anthropic.sample", &both, None),
        ("of more models than are named", "bedrock/amazon.sample", any, None),
        ("of an application", &format!("bedrock/{own}"), &format!("{own},{model}"), None),
    ] {
        let machine = Machine::new("arns");
        // Given beside the model, they are not derived from it.
        let given = format!("EntryPoint=server-token Model={models} BedrockModelArns={arns} AlarmEmail=");

        let printed = machine.run(&["make", "plan"], &[("PARAMETERS", &given)]);

        match expected {
            Some(expected) => {
                printed.assert_fails_with(&[expected]);
                assert!(machine.calls().is_empty(), "{why}: {:?}", machine.calls());
            }
            None => printed.assert_has(&["Nothing was changed"]),
        }
    }
}
