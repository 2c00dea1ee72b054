//! Models that are reached over a provider's HTTP API: OpenAI, Anthropic, Gemini, Ollama and the servers compatible with them.
//!
//! Each wire format has a file ([`chat`], [`responses`], [`anthropic`], [`gemini`], [`ollama`]) with both directions:
//! it writes the request from the [`conversation`], and it decodes frames into [`frame_event`]s, which the reader in
//! [`response`] turns into deltas. Nothing of a provider is trusted: frames and error bodies have size limits, every wait
//! has a timeout, and a turn succeeds only if its wire reports the end.
//!
//! This module reads no key from the environment, and keeps keys only in memory.

mod anthropic;
mod api_key;
mod attachment;
mod chat;
mod connection;
mod conversation;
mod error;
mod finish_reason;
mod frame_event;
mod frames;
mod gemini;
mod media_hosts;
mod ollama;
mod opaque_members;
mod provider;
mod provider_error;
mod reasoning_effort;
mod response;
mod responses;
mod surrogates;
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

use self::attachment::Attachment;
use self::connection::Connections;
use self::conversation::WireRequest;
use self::error::ProviderError;
use self::provider::Wire;
use self::response::ResponseReader;
use super::compat::ToolNames;
use super::{Delta, DeltaStream, Model, ModelError, ModelErrorKind, Request};
use crate::protocol::PartKind;

pub use self::api_key::{ApiKeyProvider, Credentials};
pub use self::media_hosts::{MediaHosts, MediaHostsError};
pub use self::provider::{BaseUrlError, Provider};

/// How long opening a connection before the first turn may take.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// A chat model that is reached over a [`Provider`]'s HTTP API.
///
/// Clones share their connections. A proxy is used if `HTTPS_PROXY` or a similar variable names one.
///
/// ```
/// use ag_ui_lambda::model::{HttpModel, Provider};
/// use secrecy::SecretString;
///
/// let openai = Provider::named("openai").expect("openai is a provider");
/// let model = HttpModel::new(openai, "gpt-5-mini", SecretString::from("sk-.."));
/// ```
#[derive(Clone)]
pub struct HttpModel {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    /// `<adapter>/<model id>`.
    name: String,
    provider: &'static Provider,
    /// The provider's id of the model.
    id: String,
    /// The provider's address, with a `/` at the end.
    base_url: Url,
    /// The hosts whose addresses of images and documents are sent to the provider. `None` for the default, which depends
    /// on the provider's address.
    media_hosts: Option<MediaHosts>,
    key: Credentials,
    /// The maximum time without any bytes from the provider.
    idle: Duration,
    connections: Arc<Connections>,
}

impl HttpModel {
    /// Creates a model of this provider. `id` is the provider's id of the model, which is sent unchanged.
    ///
    /// `key` is [`Credentials::None`] for a provider that needs no key, a fixed key, or an [`ApiKeyProvider`] that may
    /// renew the key. Nothing is sent before the first turn or [`Model::warm_up`].
    pub fn new(provider: &'static Provider, id: impl Into<String>, key: impl Into<Credentials>) -> Self {
        let id = id.into();
        let inner = Inner {
            name: format!("{}/{id}", provider.adapter),
            provider,
            id,
            base_url: provider.base_url(provider.default_base_url).expect("the table's addresses are URLs"),
            media_hosts: None,
            key: key.into(),
            idle: Duration::from_secs(60),
            connections: Arc::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Sets another address: a proxy of the provider, or a compatible server.
    ///
    /// A server at another address may be in a private network. Addresses of images and documents are then not sent,
    /// unless [`media_hosts`](Self::media_hosts) allows their hosts.
    ///
    /// `url` is an http or https URL in the form that the provider's own environment variable has: with `/v1` for
    /// OpenAI and compatible servers, with or without a version for Anthropic and Gemini, and `host:port` or a URL for
    /// Ollama.
    ///
    /// # Errors
    /// [`BaseUrlError`] for any other text, and for a URL with a user, a fragment or, except for OpenAI and compatible
    /// servers, a query.
    pub fn base_url(mut self, url: &str) -> Result<Self, BaseUrlError> {
        let url = self.inner.provider.base_url(url)?;
        Arc::make_mut(&mut self.inner).base_url = url;
        Ok(self)
    }

    /// Sets the hosts whose addresses of images and documents are sent to the provider. Other addresses are left out of
    /// the messages. By default these are the [public](MediaHosts::public) hosts, and none if
    /// [`base_url`](Self::base_url) has set another address than the provider's own.
    #[must_use]
    pub fn media_hosts(mut self, hosts: MediaHosts) -> Self {
        Arc::make_mut(&mut self.inner).media_hosts = Some(hosts);
        self
    }

    /// Sets how long the provider may send nothing, before and during a response, until the turn fails; the default is
    /// 60 s.
    ///
    /// Any bytes count, including comments and pings.
    #[must_use]
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        Arc::make_mut(&mut self.inner).idle = idle;
        self
    }
}

#[cfg(feature = "fuzzing")]
impl HttpModel {
    /// Writes the body of the request for a turn, for the tests with hostile inputs. It is no part of the API.
    #[doc(hidden)]
    pub fn request_body(&self, request: &Request) -> Bytes {
        self.inner.prepare(request).body
    }
}

impl Model for HttpModel {
    /// Returns `<adapter>/<model id>`.
    fn name(&self) -> &str {
        &self.inner.name
    }

    /// Starts a turn: the request is written at once and sent when the stream is first polled.
    fn stream(&self, request: &Request) -> DeltaStream {
        let inner = Arc::clone(&self.inner);
        let begin = StreamStage::Unsent(inner.prepare(request));
        stream::unfold(begin, move |stage| {
            let inner = Arc::clone(&inner);
            async move { inner.advance(stage).await }
        })
        .boxed()
    }

    /// Returns whether the part is text, or an attachment that the provider's wire format has a form for and whose host, if
    /// it has an address, is allowed.
    fn accepts(&self, part: &PartKind) -> bool {
        matches!(part, PartKind::Text { .. })
            || Attachment::new(self.inner.provider, &self.inner.allowed_media_hosts(), part).is_ok()
    }

    /// Opens a connection, which may take up to 2 s, and fetches the API key. Failures are ignored here, because the
    /// first turn reports them.
    fn warm_up(&self) -> BoxFuture<'_, ()> {
        let connect = async {
            // Whatever the response is, the connection is open then.
            let _ = timeout(WARM_UP_TIMEOUT, self.inner.connections.warm_up(self.inner.warm_up_url())).await;
        };
        // If the key can't be fetched, the first turn fails and logs it.
        future::join(connect, self.inner.key.get()).map(|_| ()).boxed()
    }
}

/// The stage of a turn's stream.
enum StreamStage {
    /// The request has not been sent.
    Unsent(PreparedRequest),
    /// The response is being read.
    Receiving(Box<ResponseReader>),
    /// The turn has ended.
    Finished,
}

/// A request that is ready to be sent.
struct PreparedRequest {
    /// The body as JSON text.
    body: Bytes,
    /// The tools' names, to restore the original ones in the response.
    names: ToolNames,
    /// The limit of tokens that the request sets.
    max_tokens: Option<u32>,
}

/// Why a request got no successful response.
struct SendError {
    error: ModelError,
    /// Whether the provider refused the key, so that another one may help.
    is_unauthorized: bool,
}

impl From<ModelError> for SendError {
    /// Converts an error that is not about the API key, so that the request is not sent again.
    fn from(error: ModelError) -> Self {
        Self { error, is_unauthorized: false }
    }
}

impl Inner {
    /// Writes the body of the request in the provider's wire format, once for all attempts to send it.
    fn prepare(&self, request: &Request) -> PreparedRequest {
        let names = ToolNames::new(&request.tools);
        let wire_request = WireRequest {
            provider: self.provider,
            media_hosts: &self.allowed_media_hosts(),
            model_name: &self.name,
            model_id: &self.id,
            input: request,
        };
        let body = match self.provider.wire {
            Wire::Chat => chat::request_body(&wire_request),
            Wire::Responses => responses::request_body(&wire_request),
            Wire::Anthropic => anthropic::request_body(&wire_request),
            Wire::Gemini => gemini::request_body(&wire_request),
            Wire::Ollama => ollama::request_body(&wire_request),
        };
        PreparedRequest { body, names, max_tokens: request.settings.max_tokens }
    }

    /// Returns the hosts whose addresses of images and documents are sent to the provider.
    fn allowed_media_hosts(&self) -> MediaHosts {
        let is_own_address = self.base_url.as_str() == self.provider.default_base_url;
        let default = || if is_own_address { MediaHosts::public() } else { MediaHosts::none() };
        self.media_hosts.clone().unwrap_or_else(default)
    }

    /// Advances a turn by one delta. Returns the delta and the stage that the next call continues from; `None` when the
    /// turn has ended. The first call sends the request.
    async fn advance(&self, stage: StreamStage) -> Option<(Result<Delta, ModelError>, StreamStage)> {
        let mut reader = match stage {
            StreamStage::Unsent(request) => match self.start_response(request).await {
                Ok(reader) => Box::new(reader),
                Err(error) => return Some((Err(error), StreamStage::Finished)),
            },
            StreamStage::Receiving(reader) => reader,
            StreamStage::Finished => return None,
        };
        let delta = reader.next().await?;
        let stage = match &delta {
            // The stream may never be polled again, so the body is drained before its last delta is returned.
            Ok(Delta::End(_)) => {
                reader.drain().await;
                StreamStage::Finished
            }
            Ok(_) => StreamStage::Receiving(reader),
            Err(_) => StreamStage::Finished,
        };
        Some((delta, stage))
    }

    /// Sends the request and returns the reader of its response. If the provider refuses the API key and the key
    /// provider has another one, the request is sent once more.
    ///
    /// # Errors
    /// The failure of the turn, if there is no successful response or no key.
    async fn start_response(&self, request: PreparedRequest) -> Result<ResponseReader, ModelError> {
        let mut key = self.key.get().await?;
        let mut sent = self.send(&request, key.as_ref()).await;
        if matches!(&sent, Err(error) if error.is_unauthorized)
            && let Some(newer) = self.key.refresh_if_same(key.as_ref()).await
            && Some(newer.expose_secret()) != key.as_ref().map(|key| key.expose_secret())
        {
            key = Some(newer);
            sent = self.send(&request, key.as_ref()).await;
        }
        let response = sent.map_err(|error| error.error)?;
        let PreparedRequest { names, max_tokens, .. } = request;
        Ok(ResponseReader::new(response, self.idle, self.provider, self.id.clone(), names, max_tokens, key))
    }

    /// Sends the request once with this API key and waits for the status and headers of the response.
    ///
    /// # Errors
    /// A [`SendError`] if the request can't be sent, nothing comes in time, or the response has an error status; its
    /// body is then read.
    async fn send(
        &self,
        prepared: &PreparedRequest,
        key: Option<&SecretString>,
    ) -> Result<Response, SendError> {
        let misconfigured = |cause| ModelError::new(ModelErrorKind::Misconfigured, cause);
        let client = self.connections.client().ok_or_else(|| {
            misconfigured("the HTTP client could not be built: no TLS root certificates were found")
        })?;
        let key = key.map(|key| key.expose_secret().trim()).unwrap_or_default();
        let mut request = client
            .post(self.turn_url())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(prepared.body.clone());
        if let Some((name, value)) = self.auth_header(key) {
            let value = HeaderValue::from_str(&value);
            let mut value = value.map_err(|_| {
                misconfigured("the API key contains characters that an HTTP header can't hold")
            })?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if self.provider.wire == Wire::Anthropic {
            request = request.header("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        let request =
            request.build().map_err(|error| error::transport_error(error, ModelErrorKind::Misconfigured))?;
        let sent = timeout(self.idle, self.connections.send(client, request)).await;
        let sent = sent.map_err(|_| {
            ModelError::new(ModelErrorKind::Unavailable, "the provider sent nothing for too long")
        })?;
        let response = sent.map_err(|error| error::transport_error(error, ModelErrorKind::Unavailable))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let error = ProviderError::from_response(response).await;
        Err(SendError {
            is_unauthorized: error.is_unauthorized(),
            error: error.into_model_error(key, &prepared.names),
        })
    }

    /// Returns the address to which a turn's request is posted.
    fn turn_url(&self) -> Url {
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

    /// Returns the header that carries the API key in the provider's form; `None` if `key` is empty.
    fn auth_header(&self, key: &str) -> Option<(HeaderName, String)> {
        let header = match self.provider.wire {
            Wire::Anthropic => (HeaderName::from_static("x-api-key"), key.to_owned()),
            Wire::Gemini => (HeaderName::from_static("x-goog-api-key"), key.to_owned()),
            Wire::Chat | Wire::Responses | Wire::Ollama => (header::AUTHORIZATION, format!("Bearer {key}")),
        };
        (!key.is_empty()).then_some(header)
    }

    /// Returns the address that is requested to open a connection before the first turn. The request costs nothing, and
    /// servers that know the address keep the connection open.
    fn warm_up_url(&self) -> Url {
        let path = if self.provider.wire == Wire::Ollama { "api/version" } else { "models" };
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path()));
        url
    }
}
