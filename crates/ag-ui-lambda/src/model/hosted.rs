//! Models behind a provider's HTTP API: OpenAI, Anthropic, Gemini, Ollama and those compatible with them.
//!
//! A file for each wire has both directions: what goes out, written from a
//! [`conversation`] that all share, and what comes back, which an [`answer`] makes deltas of. Nothing of a provider is
//! trusted: frames and error bodies have limits, every wait has an end, and no turn ends well but by its wire's own end.
//!
//! No key is read from the environment here, and none is kept but in memory.

mod answer;
mod anthropic;
mod chat;
mod connection;
mod conversation;
mod effort;
mod error;
mod fault;
mod frames;
mod gemini;
mod halves;
mod key;
mod media;
mod ollama;
mod opaque;
mod provider;
mod responses;
mod said;
mod stop;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{self, BoxFuture};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::{HeaderName, HeaderValue, header};
use reqwest::{Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use self::answer::Answer;
use self::connection::Connections;
use self::conversation::Asked;
use self::error::Fault;
use self::media::Medium;
use self::provider::Wire;
use super::wire::ToolNames;
use super::{Delta, DeltaStream, Model, ModelError, ModelErrorKind, Request};
use crate::protocol::PartKind;

pub use self::key::{ApiKey, ApiKeys};
pub use self::provider::{BadUrl, Provider};

/// Limit of opening a connection ahead of the first turn.
const WARM: Duration = Duration::from_secs(2);

/// A model of a [`Provider`].
///
/// It may be cloned: clones share connections. A proxy is used where `HTTPS_PROXY` and its like name one.
///
/// ```
/// use ag_ui_lambda::model::{Hosted, Provider};
/// use secrecy::SecretString;
///
/// let openai = Provider::named("openai").expect("openai is a provider");
/// let model = Hosted::new(openai, "gpt-5-mini", SecretString::from("sk-.."));
/// ```
#[derive(Clone)]
pub struct Hosted {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    /// `<adapter>/<model id>`
    name: String,
    provider: &'static Provider,
    /// What the provider calls the model.
    id: String,
    /// Where the provider is, with a `/` at the end.
    base_url: Url,
    key: ApiKey,
    /// The longest silence.
    idle: Duration,
    connections: Arc<Connections>,
}

impl Hosted {
    /// A model by the id that the provider knows, which is sent as it is.
    ///
    /// `key` is [`ApiKey::None`] for a provider without, one key, or a source that may renew it. Nothing is
    /// sent before the first turn or [`Model::warm`].
    pub fn new(provider: &'static Provider, id: impl Into<String>, key: impl Into<ApiKey>) -> Self {
        let id = id.into();
        let inner = Inner {
            name: format!("{}/{id}", provider.adapter),
            provider,
            id,
            base_url: provider.base_url(provider.url).expect("the table's addresses are URLs"),
            key: key.into(),
            idle: Duration::from_secs(60),
            connections: Arc::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The same model at another address of its provider, or at one that is compatible.
    ///
    /// `url` is http or https, in the form that the provider's own variable has: with `/v1` for OpenAI and those
    /// compatible with it, with or without a version for Anthropic and Gemini, `host:port` or a URL for Ollama.
    ///
    /// # Errors
    /// [`BadUrl`] for anything else, and for a URL with a user, a fragment or, except for OpenAI, a query.
    pub fn base_url(mut self, url: &str) -> Result<Self, BadUrl> {
        let url = self.inner.provider.base_url(url)?;
        Arc::make_mut(&mut self.inner).base_url = url;
        Ok(self)
    }

    /// The same model with another limit of silence, before an answer and within; it is 60 s by default.
    ///
    /// Whatever the provider sends counts as life, also comments and pings.
    #[must_use]
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        Arc::make_mut(&mut self.inner).idle = idle;
        self
    }
}

impl Model for Hosted {
    fn name(&self) -> &str {
        &self.inner.name
    }

    fn stream(&self, request: &Request) -> DeltaStream {
        let inner = Arc::clone(&self.inner);
        let begin = Stage::Begin(inner.ask(request));
        stream::unfold(begin, move |stage| {
            let inner = Arc::clone(&inner);
            async move { inner.next(stage).await }
        })
        .boxed()
    }

    fn takes(&self, part: &PartKind) -> bool {
        matches!(part, PartKind::Text { .. }) || Medium::of(self.inner.provider, part).is_ok()
    }

    fn warm(&self) -> BoxFuture<'_, ()> {
        let connect = async {
            // Whatever it answers, there is a connection then.
            let _ = timeout(WARM, self.inner.connections.warm(self.inner.warm_url())).await;
        };
        // A key that cannot be had fails the first turn, and is logged there.
        future::join(connect, self.inner.key.get()).map(|_| ()).boxed()
    }
}

/// How far a turn is.
enum Stage {
    Begin(Ask),
    Open(Box<Answer>),
    Over,
}

/// A request that is ready to be sent.
struct Ask {
    /// JSON text.
    body: Bytes,
    /// The tools' names, for the way back.
    names: ToolNames,
    /// The limit of tokens that it sets.
    max_tokens: Option<u32>,
}

/// Why a provider begins no answer.
struct Refusal {
    error: ModelError,
    /// Another key may help.
    is_unauthorized: bool,
}

impl From<ModelError> for Refusal {
    fn from(error: ModelError) -> Self {
        Self { error, is_unauthorized: false }
    }
}

impl Inner {
    fn ask(&self, request: &Request) -> Ask {
        let names = ToolNames::new(&request.tools);
        let asked = Asked { provider: self.provider, model: &self.name, id: &self.id, request };
        let body = match self.provider.wire {
            Wire::Chat => chat::body(&asked),
            Wire::Responses => responses::body(&asked),
            Wire::Anthropic => anthropic::body(&asked),
            Wire::Gemini => gemini::body(&asked),
            Wire::Ollama => ollama::body(&asked),
        };
        Ask { body: body.to_string().into(), names, max_tokens: request.settings.max_tokens }
    }

    async fn next(&self, stage: Stage) -> Option<(Result<Delta, ModelError>, Stage)> {
        let mut answer = match stage {
            Stage::Begin(ask) => match self.open(ask).await {
                Ok(answer) => Box::new(answer),
                Err(error) => return Some((Err(error), Stage::Over)),
            },
            Stage::Open(answer) => answer,
            Stage::Over => return None,
        };
        let delta = answer.next().await?;
        let stage = match &delta {
            // Nobody may ask again.
            Ok(Delta::End(_)) => {
                answer.let_go().await;
                Stage::Over
            }
            Ok(_) => Stage::Open(answer),
            Err(_) => Stage::Over,
        };
        Some((delta, stage))
    }

    /// Sends the request; once more with a newer key, if the provider refuses the first one.
    async fn open(&self, ask: Ask) -> Result<Answer, ModelError> {
        let mut key = self.key.get().await?;
        let mut sent = self.send(&ask, key.as_ref()).await;
        if matches!(&sent, Err(refusal) if refusal.is_unauthorized)
            && let Some(newer) = self.key.newer_than(key.as_ref()).await
            && Some(newer.expose_secret()) != key.as_ref().map(|key| key.expose_secret())
        {
            key = Some(newer);
            sent = self.send(&ask, key.as_ref()).await;
        }
        let response = sent.map_err(|refusal| refusal.error)?;
        let Ask { names, max_tokens, .. } = ask;
        Ok(Answer::new(response, self.idle, self.provider, self.id.clone(), names, max_tokens, key))
    }

    async fn send(&self, ask: &Ask, key: Option<&SecretString>) -> Result<Response, Refusal> {
        let misconfigured = |cause| ModelError::new(ModelErrorKind::Misconfigured, cause);
        let client =
            self.connections.client().ok_or_else(|| misconfigured("no HTTP client: TLS has no roots"))?;
        let key = key.map(|key| key.expose_secret().trim()).unwrap_or_default();
        let mut request = client
            .post(self.url())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(ask.body.clone());
        if let Some((name, value)) = self.authorization(key) {
            let value = HeaderValue::from_str(&value);
            let mut value = value.map_err(|_| misconfigured("the key fits no HTTP header"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if self.provider.wire == Wire::Anthropic {
            request = request.header("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        let request =
            request.build().map_err(|error| error::transport(error, ModelErrorKind::Misconfigured))?;
        let sent = timeout(self.idle, self.connections.send(client, request)).await;
        let sent =
            sent.map_err(|_| ModelError::new(ModelErrorKind::Unavailable, "the provider is silent"))?;
        let response = sent.map_err(|error| error::transport(error, ModelErrorKind::Unavailable))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let fault = Fault::of_response(response).await;
        Err(Refusal { is_unauthorized: fault.is_unauthorized(), error: fault.failure(key, &ask.names) })
    }

    /// Where a turn is asked for.
    fn url(&self) -> Url {
        let mut url = self.base_url.clone();
        let path = match self.provider.wire {
            Wire::Chat => "chat/completions",
            Wire::Responses => "responses",
            Wire::Anthropic => "messages",
            Wire::Gemini => {
                url.set_query(Some("alt=sse"));
                let kind = if self.id.contains('/') { "" } else { "models/" };
                &format!("{kind}{}:streamGenerateContent", self.id)
            }
            Wire::Ollama => "api/chat",
        };
        url.set_path(&format!("{}{path}", self.base_url.path()));
        url
    }

    /// The header that bears the key.
    fn authorization(&self, key: &str) -> Option<(HeaderName, String)> {
        let header = match self.provider.wire {
            Wire::Anthropic => (HeaderName::from_static("x-api-key"), key.to_owned()),
            Wire::Gemini => (HeaderName::from_static("x-goog-api-key"), key.to_owned()),
            Wire::Chat | Wire::Responses | Wire::Ollama => (header::AUTHORIZATION, format!("Bearer {key}")),
        };
        (!key.is_empty()).then_some(header)
    }

    /// What is asked for to open a connection. It costs nothing, and servers that have it keep the connection.
    fn warm_url(&self) -> Url {
        let path = if self.provider.wire == Wire::Ollama { "api/version" } else { "models" };
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path()));
        url
    }
}
