//! What the checks say about the model, its keys, and the access to it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::mpsc;

use ag_ui_dev::loopback::Loopback;
use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::account_stub::{AccountStub, Played};
use super::{Printed, Sample};

/// Runs the checks with a model, in an account.
async fn with_model(model: &str, played: Played) -> Printed {
    let mut sample = Sample::new("model");
    let account = AccountStub::start(played);
    sample.sign_in(&account.url());
    sample.set("AGUI_MODEL", model);
    sample.doctor(&[]).await
}

#[tokio::test]
async fn model_that_the_function_would_refuse_fails() {
    let printed = with_model("opnai/gpt-5.1", Played::default()).await;
    printed.assert_failed(
        "model",
        "unknown adapter, opnai. Did you mean openai?",
        "The adapters are: scripted, bedrock",
    );
    let printed = with_model("openai", Played::default()).await;
    printed.assert_failed("model", "openai without the id", "export AGUI_MODEL=scripted/demo");
    let printed = with_model("scripted/demo", Played::default()).await;
    printed.assert_ok("model", "scripted/demo, from AGUI_MODEL. It is a script");
}

#[tokio::test]
async fn model_is_that_of_the_template_and_of_samconfig() {
    let sample = Sample::new("model-sources");
    sample.doctor(&["--local"]).await.assert_ok("model", "scripted/demo, from the parameter Model");
    sample.write(
        "samconfig.toml",
        "[default.deploy.parameters]\nstack_name = \"shop\"\nparameter_overrides = \"Model=ollama/qwen3\"\n",
    );
    sample.doctor(&["--local"]).await.assert_ok("model", "ollama/qwen3, from the parameter Model");

    // A line of the function comes before a parameter that it does not use.
    sample.replace("template.yaml", "AGUI_MODEL: !Ref Model", "AGUI_MODEL: ollama/llama");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_ok("model", "ollama/llama, from AGUI_MODEL in template.yaml:14");
    sample.replace("template.yaml", "  Model: {", "  Other: {");
    sample.replace("template.yaml", "ollama/llama", "opnai/gpt");
    let printed = sample.doctor(&["--local"]).await;
    printed.assert_failed("model", "AGUI_MODEL in template.yaml:14 names an unknown adapter", "openai");
    sample.replace("template.yaml", "opnai/gpt", "!If [A, ollama/a, ollama/b]");
    sample.write("samconfig.toml", "[default.deploy.parameters]\nstack_name = \"shop\"\n");
    let printed = sample.doctor(&["--local"]).await;
    for check in ["model", "bedrock-access", "provider"] {
        printed
            .assert_skipped(check, "AGUI_MODEL in template.yaml:14 has its value only when it is deployed");
    }
}

#[tokio::test]
async fn access_to_a_model_of_bedrock_is_asked_for() {
    const PROFILE: &str = "/inference-profiles/global.anthropic.claude-sample";
    const MODEL: &str = "/foundation-model-availability/anthropic.claude-sample";
    const FORM: &str = "/use-case-for-model-access";
    let available = json!({
        "agreementAvailability": {"status": "AVAILABLE"}, "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE", "regionAvailability": "AVAILABLE",
    });
    let mut new = available.clone();
    new["agreementAvailability"]["status"] = "NOT_AVAILABLE".into();
    let profile = (PROFILE, Ok(json!({"status": "ACTIVE"})));
    let ask = async |bedrock: Vec<(&'static str, Result<Value, &'static str>)>| {
        let bedrock: HashMap<_, _> = bedrock.into_iter().collect();
        with_model("bedrock/global.anthropic.claude-sample", Played { bedrock, ..Played::default() }).await
    };

    let printed = ask(vec![profile.clone(), (MODEL, Ok(available))]).await;
    printed
        .assert_ok("bedrock-access", "this account can use global.anthropic.claude-sample in eu-central-1");

    let printed = ask(vec![]).await;
    printed.assert_failed(
        "bedrock-access",
        "Bedrock has no model global.anthropic.claude-sample",
        "Model catalog",
    );

    let printed = ask(vec![profile.clone(), (MODEL, Ok(new.clone()))]).await;
    printed.assert_failed(
        "bedrock-access",
        "has not submitted the use case details",
        "Submit use case details",
    );

    let printed = ask(vec![profile.clone(), (MODEL, Ok(new)), (FORM, Ok(json!({"formData": "e30="})))]).await;
    printed.assert_failed(
        "bedrock-access",
        "no subscription",
        "aws bedrock-runtime converse --model-id global.anthropic.claude-sample",
    );

    let printed = ask(vec![(PROFILE, Err("AccessDeniedException"))]).await;
    printed.assert_skipped("bedrock-access", "was not checked: played AccessDeniedException");

    let printed = with_model("mantle/openai.gpt-oss-120b", Played::default()).await;
    printed.assert_skipped("bedrock-access", "cannot be checked");
}

#[tokio::test]
async fn model_that_cannot_be_checked_hides_no_fault_of_a_later_one() {
    let arn = "bedrock/arn:aws:bedrock:eu-central-1:123456789012:inference-profile/mine";
    let printed = with_model(&format!("{arn},bedrock/amazon.sample"), Played::default()).await;
    printed.assert_failed("bedrock-access", "Bedrock has no model amazon.sample", "Model catalog");

    let available = json!({
        "agreementAvailability": {"status": "AVAILABLE"}, "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE", "regionAvailability": "AVAILABLE",
    });
    let bedrock = HashMap::from([("/foundation-model-availability/amazon.sample", Ok(available))]);
    let played = Played { bedrock, ..Played::default() };
    let printed = with_model("mantle/m,bedrock/amazon.sample", played).await;
    printed.assert_ok(
        "bedrock-access",
        "can use amazon.sample in eu-central-1; m was not checked: access cannot be checked",
    );

    let mut sample = Sample::new("several-models");
    let account = AccountStub::start(Played::default());
    sample.sign_in(&account.url());
    sample.set("AGUI_MODEL", "groq/llama,openai/gpt-5.1,ollama/qwen3");
    sample.set("OLLAMA_HOST", "127.0.0.1:1");
    sample.doctor(&[]).await.assert_failed("provider", "api/tags cannot be reached", "ollama serve");
    sample.set("AGUI_MODEL", "groq/llama,openai/gpt-5.1");
    let printed = sample.doctor(&[]).await;
    printed.assert_skipped("provider", "groq/llama was not checked: only OpenAI");
    printed.assert_skipped("provider", "openai/gpt-5.1 was not checked: there is no key for openai");
}

#[tokio::test]
async fn key_of_a_provider_must_be_there() {
    let printed = with_model("groq/llama", Played::default()).await;
    printed.assert_failed(
        "model-keys",
        "there is no GROQ_API_KEY",
        "aws secretsmanager create-secret --name model-keys",
    );
    printed.assert_skipped("provider", "only OpenAI, Anthropic, Gemini and Ollama");

    let mut sample = Sample::new("model-keys");
    sample.set("AGUI_MODEL", "groq/llama");
    sample.set("AGUI_MODEL_SECRET_ID", "keys");
    for (value, problem) in [
        (Ok("{}".to_owned()), "the secret keys has no GROQ_API_KEY"),
        (Ok("gsk_1".to_owned()), "is not JSON of the form"),
        (Err("ResourceNotFoundException"), "there is no secret keys"),
    ] {
        let account =
            AccountStub::start(Played { secrets: HashMap::from([("keys", value)]), ..Played::default() });
        sample.sign_in(&account.url());
        sample.doctor(&[]).await.assert_failed("model-keys", problem, "secret");
    }
    let secrets = HashMap::from([("keys", Ok(json!({"GROQ_API_KEY": "gsk_1"}).to_string()))]);
    let account = AccountStub::start(Played { secrets, ..Played::default() });
    sample.sign_in(&account.url());
    sample.doctor(&[]).await.assert_ok("model-keys", "keys has GROQ_API_KEY");
    sample.set("GROQ_API_KEY", "gsk_2");
    sample.doctor(&[]).await.assert_ok("model-keys", "GROQ_API_KEY is set in this environment");
}

#[tokio::test]
async fn provider_must_accept_the_key_and_have_the_model() {
    let respond = |request: Request<Incoming>| {
        let key = request.headers()["authorization"].to_str().unwrap().to_owned();
        let (status, body) = match (key.as_str(), request.uri().path()) {
            ("Bearer right", "/v1/models") => (200, json!({"data": [{"id": "gpt-5.1"}]})),
            ("Bearer busy", _) => (529, json!({})),
            ("Bearer restricted", _) => (403, json!({"error": {"message": "Missing scopes"}})),
            ("Bearer gateway", _) => (404, json!({})),
            ("Bearer elsewhere", _) => (200, json!("a page of another server")),
            _ => (401, json!({"error": {"message": "Incorrect API key provided: wrong"}})),
        };
        std::future::ready(Ok::<_, Infallible>(
            Response::builder().status(status).body(body.to_string()).unwrap(),
        ))
    };
    let provider = Loopback::serve(respond).unwrap();
    let mut sample = Sample::new("provider");
    let account = AccountStub::start(Played::default());
    sample.sign_in(&account.url());
    sample.set("OPENAI_BASE_URL", &format!("{}/v1", provider.url()));
    sample.set("AGUI_MODEL", "openai/gpt-5.1");
    sample.doctor(&[]).await.assert_skipped("provider", "there is no key for openai");
    for (model, key, problem, fix) in [
        (
            "openai/gpt-5.1",
            "wrong",
            "openai does not accept the key in OPENAI_API_KEY (401)",
            "set a valid key",
        ),
        ("openai-responses/gpt-5.1", "busy", "answers 529", "try again later"),
        ("openai/gpt-5.1", "elsewhere", "not as openai does", "correct the address in OPENAI_BASE_URL"),
    ] {
        sample.set("AGUI_MODEL", model);
        sample.set("OPENAI_API_KEY", key);
        sample.doctor(&[]).await.assert_failed("provider", problem, fix);
    }
    // The unit tests have what only the provider's own server says for certain.
    for (model, key, reason) in [
        ("openai/gpt-6", "right", "/v1/models does not list it"),
        ("openai/gpt-5.1", "gateway", "/v1/models answers 404, as a server without a list of models does"),
        ("openai/gpt-5.1", "restricted", "may not list models may still send messages"),
    ] {
        sample.set("AGUI_MODEL", model);
        sample.set("OPENAI_API_KEY", key);
        sample.doctor(&[]).await.assert_skipped("provider", reason);
    }
    sample.set("AGUI_MODEL", "openai/gpt-5.1");
    sample.set("OPENAI_API_KEY", "right");
    sample.doctor(&[]).await.assert_ok("provider", "openai/gpt-5.1 can be asked");
    sample.set("AGUI_MODEL", "groq/llama,openai/gpt-5.1");
    let printed = sample.doctor(&[]).await;
    printed.assert_ok("provider", "openai/gpt-5.1 can be asked; groq/llama was not checked");
    sample.set("AGUI_MODEL", "openai/gpt-5.1");

    // The function starts with neither, so no key is sent there.
    for address in
        ["http://gateway.example/v1", "gateway.example/v1", "https://user:secret@gateway.example/v1"]
    {
        sample.set("OPENAI_BASE_URL", address);
        let printed = sample.doctor(&[]).await;
        printed.assert_failed("provider", "OPENAI_BASE_URL is", "The function needs https");
        assert!(!printed.text.contains("secret@"), "{}", printed.text);
    }

    sample.set("AGUI_MODEL", "ollama/qwen3");
    sample.set("OLLAMA_HOST", "127.0.0.1:1");
    sample.doctor(&[]).await.assert_failed(
        "provider",
        "http://127.0.0.1:1/api/tags cannot be reached",
        "ollama serve",
    );
}

#[tokio::test]
async fn key_of_the_deployed_function_goes_only_to_the_address_of_its_template() {
    let (asked, keys) = mpsc::channel();
    let respond = move |request: Request<Incoming>| {
        asked.send(request.headers()["authorization"].to_str().unwrap().to_owned()).unwrap();
        let body = json!({"data": [{"id": "gpt-5.1"}]}).to_string();
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    };
    let gateway = Loopback::serve(respond).unwrap();
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:model-keys-AbCdEf";
    let secrets = HashMap::from([(arn, Ok(json!({"OPENAI_API_KEY": "sk-deployed"}).to_string()))]);
    let account = AccountStub::start(Played { secrets, ..Played::default() });
    let mut sample = Sample::new("gateway");
    sample.sign_in(&account.url());
    let line = format!("AGUI_MODEL: openai/gpt-5.1\n          OPENAI_BASE_URL: {}/v1", gateway.url());
    sample.replace("template.yaml", "AGUI_MODEL: !Ref Model", &line);
    sample.replace(
        "template.yaml",
        "Parameters:",
        &format!("Parameters:\n  ModelSecretArn: {{Default: \"{arn}\"}}"),
    );

    sample.doctor(&[]).await.assert_ok("provider", "openai/gpt-5.1 can be asked");
    assert_eq!(keys.try_iter().collect::<Vec<_>>(), ["Bearer sk-deployed"]);

    // A key of this shell may be one for another server than that of the template, and the other way round.
    sample.set("OPENAI_API_KEY", "sk-shell");
    sample.doctor(&[]).await.assert_skipped("provider", "OPENAI_BASE_URL is only in template.yaml");
    sample.set("OPENAI_API_KEY", "");
    sample.set("OPENAI_BASE_URL", "http://127.0.0.1:1");
    sample
        .doctor(&[])
        .await
        .assert_skipped("provider", "OPENAI_BASE_URL of this shell is not that of template.yaml");
    sample.set("OPENAI_BASE_URL", "");

    // The address is known only when it is deployed.
    let address = format!("OPENAI_BASE_URL: {}/v1", gateway.url());
    sample.replace("template.yaml", &address, "OPENAI_BASE_URL: !If [A, b, c]");
    let printed = sample.doctor(&[]).await;
    printed.assert_skipped("provider", "OPENAI_BASE_URL in template.yaml:16 has its value only when");
    assert_eq!(keys.try_iter().count(), 0);
}
