//! The model server: its address, its model, and the wires that it supports.

use std::env;

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::function::{Function, local_function};

/// A wire of the server, with the adapter for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Chat,
    Responses,
    Messages,
}

pub(super) const WIRES: [Wire; 3] = [Wire::Chat, Wire::Responses, Wire::Messages];

/// The key that is sent if none is set. Local servers accept any.
const NO_KEY: &str = "none";

/// The token limit of a turn, because small models may not stop by themselves.
const MAX_TOKENS: &str = "200";

/// Settings that are passed on to the function.
const SETTINGS: [&str; 3] = ["AGUI_MODEL_TOOL_CHOICE", "AGUI_MODEL_TEMPERATURE", "AGUI_MODEL_IDLE_TIMEOUT_S"];

pub(super) struct Server {
    /// The value of `OPENAI_BASE_URL`, without a `/` at the end.
    base_url: String,
    /// The base URL for Messages: the same server unless `ANTHROPIC_BASE_URL` is set.
    messages_url: String,
    openai_key: String,
    anthropic_key: String,
    model: String,
    settings: Vec<(&'static str, String)>,
    client: reqwest::Client,
}

impl Wire {
    /// Returns the name of the wire in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }

    /// Returns the name of the adapter in `AGUI_MODEL`.
    fn adapter(self) -> &'static str {
        match self {
            Self::Chat => "openai",
            Self::Responses => "openai-responses",
            Self::Messages => "anthropic",
        }
    }
}

impl Server {
    /// Reads the server from the environment.
    ///
    /// # Errors
    /// A sentence that names what is missing.
    pub(super) async fn from_env() -> Result<Self, String> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let base_url = variable("OPENAI_BASE_URL")
            .ok_or("OPENAI_BASE_URL is not set: it names the server, http://127.0.0.1:8080/v1 for example")?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        let openai_key = variable("OPENAI_API_KEY").unwrap_or_else(|| NO_KEY.to_owned());
        let settings = SETTINGS.iter().filter_map(|name| Some((*name, variable(name)?)));
        let mut server = Self {
            messages_url: variable("ANTHROPIC_BASE_URL").unwrap_or_else(|| base_url.clone()),
            anthropic_key: variable("ANTHROPIC_API_KEY").unwrap_or_else(|| openai_key.clone()),
            settings: settings.collect(),
            model: variable("AGUI_TEST_MODEL").unwrap_or_default(),
            client: reqwest::Client::new(),
            base_url,
            openai_key,
        };
        if server.model.is_empty() {
            server.model = server.first_model().await?;
        }
        Ok(server)
    }

    /// Returns the first model that the server lists.
    async fn first_model(&self) -> Result<String, String> {
        let url = format!("{}/models", self.base_url);
        let fault = |why: &dyn std::fmt::Display| {
            format!("no list of models from {url}: {why}; AGUI_TEST_MODEL names a model")
        };
        let request = self.client.get(&url).bearer_auth(&self.openai_key);
        let answer = request.send().await.map_err(|error| fault(&error))?;
        let status = answer.status();
        let body = answer.text().await.map_err(|error| fault(&error))?;
        let body: Value = serde_json::from_str(&body).map_err(|_| fault(&status))?;
        let id = body.pointer("/data/0/id").and_then(Value::as_str);
        id.map(ToOwned::to_owned).ok_or_else(|| fault(&status))
    }

    /// Returns the server's base URL.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the name of the model.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Returns the base URL that the function uses for a wire.
    pub(super) fn url(&self, wire: Wire) -> &str {
        if wire == Wire::Messages { &self.messages_url } else { &self.base_url }
    }

    /// Whether the server knows the path of a wire. Sends an empty object, which a known path refuses with another status.
    pub(super) async fn has(&self, wire: Wire) -> bool {
        let url = self.url(wire).trim_end_matches('/');
        let url = match wire {
            Wire::Chat => format!("{url}/chat/completions"),
            Wire::Responses => format!("{url}/responses"),
            Wire::Messages if url.ends_with("/v1") => format!("{url}/messages"),
            Wire::Messages => format!("{url}/v1/messages"),
        };
        let request = self.client.post(url).header("content-type", "application/json");
        let request = match wire {
            Wire::Messages => {
                request.header("x-api-key", &self.anthropic_key).header("anthropic-version", "2023-06-01")
            }
            _ => request.bearer_auth(&self.openai_key),
        };
        let answer = request.body(json!({}).to_string()).send().await;
        let not_there = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        // A server that cannot be reached fails in the checks, with a reason.
        // One that cannot be reached fails in its checks, with a reason.
        !answer.is_ok_and(|answer| not_there.contains(&answer.status()))
    }

    /// Starts the template's function in front of the server.
    pub(super) async fn function(&self, wire: Wire, more: &[(&str, &str)]) -> Function {
        self.function_at(wire, self.url(wire), more).await
    }

    /// Starts the template's function with this base URL, for example a proxy's.
    pub(super) async fn function_at(&self, wire: Wire, url: &str, more: &[(&str, &str)]) -> Function {
        let model = format!("{}/{}", wire.adapter(), self.model);
        let (key, address) = match wire {
            Wire::Messages => {
                (("ANTHROPIC_API_KEY", self.anthropic_key.as_str()), ("ANTHROPIC_BASE_URL", url))
            }
            _ => (("OPENAI_API_KEY", self.openai_key.as_str()), ("OPENAI_BASE_URL", url)),
        };
        let log_format = ("AWS_LAMBDA_LOG_FORMAT", "JSON");
        let limit = ("AGUI_MODEL_MAX_TOKENS", MAX_TOKENS);
        let mut variables = vec![("AGUI_MODEL", model.as_str()), key, address, log_format, limit];
        variables.extend(self.settings.iter().map(|(name, value)| (*name, value.as_str())));
        variables.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        variables.extend(more);
        local_function(&variables).await
    }
}
