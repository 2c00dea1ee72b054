//! The providers' keys in Secrets Manager, as moto plays it.

use ag_ui_dev::provider::{Provider, Reply, Say, Wire};

use super::model;
use crate::support::function::{TOKEN, ask, local_function};
use crate::support::moto::Moto;

/// A function whose OpenAI key is in this secret.
async fn function(secret: &str, provider: &Provider) -> crate::support::function::Function {
    let base_url = format!("{}/v1", provider.url());
    let moto = Moto::shared().env();
    let variables = [
        ("AGUI_MODEL", model(Wire::OpenAiChat)),
        ("AGUI_MODEL_SECRET_ID", secret),
        ("OPENAI_BASE_URL", base_url.as_str()),
    ];
    local_function(&[&moto[..], &variables].concat()).await
}

fn fine() -> Reply {
    Reply::stream(Wire::OpenAiChat, &[Say::text("Fine.")])
}

fn presented(provider: &Provider) -> Vec<String> {
    let header =
        |asked: &ag_ui_dev::provider::Asked| asked.headers["authorization"].to_str().unwrap().to_owned();
    provider.asked().iter().map(header).collect()
}

#[tokio::test]
async fn given_a_key_that_was_rotated_when_the_provider_refuses_the_old_one_then_the_new_one_is_used() {
    let (moto, provider) = (Moto::shared(), Provider::start().await.unwrap());
    moto.create_secret("model-keys", r#"{"OPENAI_API_KEY":"sk-first-key"}"#).await;
    let function = function("model-keys", &provider).await;

    provider.reply([fine()]);
    assert!(ask(&function, TOKEN).await.text.contains("Fine."));

    moto.rotate_secret("model-keys", r#"{"OPENAI_API_KEY":"sk-second-key"}"#).await;
    provider.reply([Reply::error(Wire::OpenAiChat, 401, "no such key"), fine(), fine()]);
    assert!(ask(&function, TOKEN).await.text.contains("Fine."));
    assert!(ask(&function, TOKEN).await.text.contains("Fine."));

    let keys = ["first", "first", "second", "second"].map(|key| format!("Bearer sk-{key}-key"));
    assert_eq!(presented(&provider), keys);
    let log = function.logs().join("\n");
    assert!(!log.contains("sk-first-key") && !log.contains("sk-second-key"), "{log}");
}

#[tokio::test]
async fn given_a_secret_without_the_key_then_the_model_is_misconfigured_and_the_log_names_the_variable() {
    let (moto, provider) = (Moto::shared(), Provider::start().await.unwrap());
    moto.create_secret("other-keys", r#"{"GEMINI_API_KEY":"of another"}"#).await;
    let function = function("other-keys", &provider).await;

    let reply = ask(&function, TOKEN).await;

    assert_eq!(reply.events.last().unwrap()["code"], "MODEL_MISCONFIGURED");
    assert!(function.logs().iter().any(|line| line.contains("OPENAI_API_KEY")), "{:?}", function.logs());
    assert!(provider.asked().is_empty());
}
