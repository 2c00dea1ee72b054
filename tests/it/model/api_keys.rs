//! Providers' API keys in Secrets Manager, with moto in its place.

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};

use super::model;
use crate::support::function::{TOKEN, local_function, send_hello};
use crate::support::moto::Moto;

/// Starts a function whose OpenAI key is in this secret.
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

/// Returns a reply with a complete turn.
fn ok_reply() -> Reply {
    Reply::stream(Wire::OpenAiChat, &[TurnPart::text("Fine.")])
}

/// Returns the keys in the requests that the provider received.
fn sent_keys(provider: &Provider) -> Vec<String> {
    let header = |request: &ag_ui_dev::provider::RecordedRequest| {
        request.headers["authorization"].to_str().unwrap().to_owned()
    };
    provider.requests().iter().map(header).collect()
}

#[tokio::test]
async fn refused_key_is_refetched_after_rotation() {
    let (moto, provider) = (Moto::shared(), Provider::start().await.unwrap());
    moto.create_secret("model-keys", r#"{"OPENAI_API_KEY":"sk-first-key"}"#).await;
    let function = function("model-keys", &provider).await;

    provider.queue([ok_reply()]);
    assert!(send_hello(&function, TOKEN).await.text.contains("Fine."));

    moto.rotate_secret("model-keys", r#"{"OPENAI_API_KEY":"sk-second-key"}"#).await;
    provider.queue([Reply::error(Wire::OpenAiChat, 401, "no such key"), ok_reply(), ok_reply()]);
    assert!(send_hello(&function, TOKEN).await.text.contains("Fine."));
    assert!(send_hello(&function, TOKEN).await.text.contains("Fine."));

    let keys = ["first", "first", "second", "second"].map(|key| format!("Bearer sk-{key}-key"));
    assert_eq!(sent_keys(&provider), keys);
    let log = function.logs().join("\n");
    assert!(!log.contains("sk-first-key") && !log.contains("sk-second-key"), "{log}");
}

#[tokio::test]
async fn missing_key_is_misconfigured_and_names_the_variable() {
    let (moto, provider) = (Moto::shared(), Provider::start().await.unwrap());
    moto.create_secret("other-keys", r#"{"GEMINI_API_KEY":"of another"}"#).await;
    let function = function("other-keys", &provider).await;

    let reply = send_hello(&function, TOKEN).await;

    assert_eq!(reply.events.last().unwrap()["code"], "MODEL_MISCONFIGURED");
    assert!(function.logs().iter().any(|line| line.contains("OPENAI_API_KEY")), "{:?}", function.logs());
    assert!(provider.requests().is_empty());
}
