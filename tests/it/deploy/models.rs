//! The model, which is asked before anything is built, and what the function may invoke.

use serde_json::json;

use super::machine::{Machine, Printed};

const DEPLOY: [&str; 2] = ["make", "deploy"];

/// Deploys with this model.
fn deploy(machine: &Machine, model: &str, variables: &[(&str, &str)]) -> Printed {
    let given = format!("EntryPoint=server-token Model={model} AlarmEmail=");
    machine.run(&DEPLOY, &[&[("PARAMETERS", given.as_str())][..], variables].concat())
}

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

/// Whoever has the key acts as whoever deploys.
#[test]
fn key_of_mantle_is_sent_only_to_the_endpoint() {
    let machine = Machine::new("mantle-redirect");
    machine.play(&json!({"mantle": {"openai.sample": [302, "Moved"]}}));

    let refused = deploy(&machine, "mantle/openai.sample", &[]);

    refused.assert_fails_with(&[
        "answers with the redirect 302, which is not followed",
        "Nothing was deployed.",
    ]);
    for address in ["bedrock.example/v1", "ftp://bedrock.example", "https://[bedrock"] {
        let refused = deploy(&machine, "mantle/openai.sample", &[("AWS_BEDROCK_BASE_URL", address)]);
        refused.assert_fails_with(&[&format!("AWS_BEDROCK_BASE_URL is {address}; it must be an address")]);
    }
    assert!(machine.calls().is_empty(), "{:?}", machine.calls());
}

/// Without a model there would be a message about the key of a provider that does not exist.
#[test]
fn adapter_that_does_not_exist_is_refused_with_the_nearest_one() {
    let machine = Machine::new("adapter");
    for (model, reason) in [
        ("bedrok/amazon.sample", "there is no adapter bedrok, which Model names. Did you mean bedrock?"),
        ("scriptd/demo", "there is no adapter scriptd, which Model names. Did you mean scripted?"),
        ("openai/a,opnai/b", "there is no adapter opnai, which Model names. Did you mean openai?"),
        ("sample/demo", "there is no adapter sample, which Model names. The adapters are: "),
    ] {
        for variables in [vec![], vec![("AWS_ACCESS_KEY_ID", "")]] {
            let refused = deploy(&machine, model, &variables);
            refused.assert_fails_with(&[reason]);
            assert!(!refused.text.contains("_API_KEY"), "{}", refused.text);
        }
    }
    let steps =
        [("EntryPoint [", ""), ("Model", "scriptd/demo"), ("Did you mean scripted?", "scripted/demo")];
    machine.type_into(&DEPLOY, &steps, &[("PARAMETERS", "AlarmEmail=")]).assert_has(&["run has finished"]);
    // What somebody has written into the file is checked, too.
    let config = machine.file("samconfig.toml").replace("scripted/demo", "scriptd/demo");
    std::fs::write(machine.project().join("samconfig.toml"), config).unwrap();
    machine.run(&["make", "plan"], &[]).assert_fails_with(&["there is no adapter scriptd"]);
}

#[test]
fn adapters_are_those_of_the_page_about_models() {
    let page = include_str!("../../../docs/models.md");
    let section = page.split("\n## Adapters\n").nth(1).unwrap().trim_start();
    let rows =
        section.lines().take_while(|line| line.starts_with('|')).filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split(" | ").next().unwrap());
    let mut documented: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    documented.sort_unstable();
    let machine = Machine::new("adapters");

    let refused = deploy(&machine, "sample/demo", &[]);

    // The line of make follows, so there are no more.
    refused.assert_fails_with(&[&format!("The adapters are: {} make: ***", documented.join(", "))]);
}

#[test]
fn secret_of_keys_that_is_no_text_is_refused() {
    let machine = Machine::new("binary-keys");
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:model-keys-AbCdEf";
    machine.have(&json!({"secrets": {arn: {"SecretBinary": "AAEC"}}}));

    let refused = deploy(&machine, &format!("groq/sample ModelSecretArn={arn}"), &[]);

    refused
        .assert_fails_with(&["is not JSON of the form {\"GROQ_API_KEY\": \"...\"}", "Nothing was deployed."]);
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
