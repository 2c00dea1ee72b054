//! Amazon Bedrock as a [`Model`], through ConverseStream, its one API for every model.
//!
//! This file builds the client, sends requests and warms up. [`request`] and [`messages`] write the bodies of requests, [`stream`] reads
//! responses, and [`error`] classifies failures. Nothing is retried here, except on a dead connection: only the agent loop
//! knows whether a part of the answer was already sent to the client.

#[cfg(feature = "http-models")]
mod api_keys;
mod attachment;
mod error;
mod family;
mod messages;
mod repair;
mod request;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::Builder;
use aws_sdk_bedrockruntime::config::http::{HttpRequest, HttpResponse};
use aws_sdk_bedrockruntime::error::SdkError;
use aws_sdk_bedrockruntime::operation::RequestId as _;
use aws_sdk_bedrockruntime::operation::converse_stream::{ConverseStreamError, ConverseStreamOutput};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryFutureExt as _};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::debug;

#[cfg(feature = "http-models")]
pub use self::api_keys::BedrockApiKeys;
use self::attachment::Attachment;
use self::family::ModelFamily;
use self::repair::{BlockTexts, RepairInterceptor, SharedCuts};
use self::request::{Guardrail, request_body};
use self::stream::{ResponseReader, deltas};
use super::compat::ToolNames;
use super::{DeltaStream, Model, ModelError, ModelErrorKind, Request};
use crate::protocol::PartKind;

/// How long opening a connection may take; Bedrock is in the same region or on the same continent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long opening a connection before the first turn may take. A longer start costs more than it saves.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of sending a request.
type SendResult = Result<ConverseStreamOutput, Box<SdkError<ConverseStreamError, HttpResponse>>>;

/// A chat model of Amazon Bedrock, called with the role and the region of the environment.
///
/// Its name is `bedrock/<model id>`. A turn streams text, reasoning with its signatures, calls with their arguments piece
/// by piece, and the tokens that it used.
///
/// Of the [settings](super::ModelSettings), `thinking_tokens` is sent only to Claude models that can think. For models that
/// choose themselves how long they think (Claude Opus 4.7 and later) it only turns thinking on. Such models refuse a
/// temperature, as all models do while they think, so it is not sent then. A model that thinks can't be forced to call a
/// tool. Bedrock has no setting that forbids calls: with [`ToolChoice::None`](super::ToolChoice::None) only the tools are
/// declared whose calls are in the history.
///
/// Images (PNG, JPEG, GIF, WebP) and documents (PDF, CSV, Word, Excel, HTML, text, Markdown) inside a message are sent.
/// Other parts are left out, with a line in the log.
///
/// The features of a model are known by its id. An application inference profile hides the id: set
/// [`prompt_cache`](Self::prompt_cache) then; `thinking_tokens` has no effect.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::model::Bedrock;
///
/// let model = Bedrock::new("eu.anthropic.claude-sonnet-4-5-20250929-v1:0")
///     .guardrail("gr-orders", "1")
///     .idle_timeout(Duration::from_secs(30));
/// ```
///
/// Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>.
#[derive(Debug, Clone)]
pub struct Bedrock {
    /// `bedrock/<model id>`.
    name: Arc<str>,
    /// The id of a model, or the id or ARN of an inference profile.
    model: Arc<str>,
    /// The features of the model, as its id and the builder say.
    family: ModelFamily,
    /// The client, which is built on first use: that takes milliseconds, and the start should not wait for it.
    client: Arc<OnceCell<Client>>,
    /// Whether a response has come since a connection last failed, so that the next request may reuse a dead connection.
    may_be_stale: Arc<AtomicBool>,
    /// The maximum time without anything from Bedrock.
    idle_timeout: Duration,
    /// The guardrail that Bedrock applies to each turn.
    guardrail: Option<Guardrail>,
}

/// A request as it is sent, possibly twice.
struct PreparedRequest {
    /// The JSON body.
    body: Bytes,
    /// The tools' names, to restore the original ones in the response.
    names: ToolNames,
}

impl Bedrock {
    /// Creates a model by its id, or by the id or ARN of an inference profile. Sends nothing: the first turn, or
    /// [`Model::warm_up`], opens the connection.
    #[must_use]
    pub fn new(model: impl Into<String>) -> Self {
        let model = model.into();
        Self {
            name: format!("bedrock/{model}").into(),
            family: ModelFamily::of(&model),
            model: model.into(),
            client: Arc::default(),
            may_be_stale: Arc::default(),
            idle_timeout: Duration::from_secs(60),
            guardrail: None,
        }
    }

    /// Sets the configuration of the AWS SDK, such as region and credentials; by default it is loaded from the
    /// environment. Its retries and timeouts are replaced: the adapter has its own timeouts and does not retry.
    #[must_use]
    pub fn with_config(self, config: &SdkConfig) -> Self {
        Self { client: Arc::new(OnceCell::new_with(Some(build_client(config)))), ..self }
    }

    /// Sets how long Bedrock may send nothing, before and during a response, until the turn fails. The default is 60 s,
    /// since a model may think that long before its first word.
    #[must_use]
    pub fn idle_timeout(self, idle_timeout: Duration) -> Self {
        Self { idle_timeout, ..self }
    }

    /// Sets the guardrail that Bedrock applies to each turn, by the guardrail's id or ARN and its version. By default
    /// no guardrail is applied.
    #[must_use]
    pub fn guardrail(self, id: impl Into<String>, version: impl Into<String>) -> Self {
        Self { guardrail: Some(Guardrail { id: id.into(), version: version.into() }), ..self }
    }

    /// Sets whether requests ask Bedrock to cache the system prompt and the tools between turns.
    ///
    /// By default they do so for the Claude and Nova models that support it. Other models refuse a request with a cache
    /// point.
    #[must_use]
    pub fn prompt_cache(self, is_on: bool) -> Self {
        Self { family: ModelFamily { caches: is_on, ..self.family }, ..self }
    }

    /// Returns the SDK's client. On first use it is built, with the configuration of the environment unless
    /// [`with_config`](Self::with_config) has set another one.
    async fn client(&self) -> &Client {
        let from_environment =
            || async { build_client(&aws_config::load_defaults(BehaviorVersion::latest()).await) };
        self.client.get_or_init(from_environment).await
    }

    /// Sends the request and returns the reader of its response. If the connection breaks before a response and may be
    /// a reused one, the request is sent once more.
    async fn send(self, request: PreparedRequest) -> Result<ResponseReader, ModelError> {
        let cuts = SharedCuts::default();
        let mut sent = self.send_once(&request, &cuts).await;
        // A reused connection may have died since, which is not a failure of the provider.
        if failed_before_response(&sent) && self.may_be_stale.swap(false, Ordering::Relaxed) {
            sent = self.send_once(&request, &cuts).await;
        }
        // Whatever the response is, the connection is open then.
        if sent.is_ok() || sent.as_ref().is_err_and(|error| error.raw_response().is_some()) {
            self.may_be_stale.store(true, Ordering::Relaxed);
        }
        let response = sent.map_err(|error| match *error {
            SdkError::TimeoutError(_) => {
                let cause = format!("no answer within {:?}", self.idle_timeout);
                ModelError::new(ModelErrorKind::Unavailable, cause)
            }
            error => error::from_send_error(error, &request.names),
        })?;
        let request_id = response.request_id().map(ToOwned::to_owned);
        let texts = BlockTexts::new(cuts);
        Ok(ResponseReader::new(
            response.stream,
            request_id,
            request.names,
            self.model,
            self.idle_timeout,
            texts,
        ))
    }

    /// Sends the request once and waits for the start of the response, at most for the idle timeout. `cuts` collects
    /// the places where frames of the response cut a character in two.
    async fn send_once(&self, request: &PreparedRequest, cuts: &SharedCuts) -> SendResult {
        let body = request.body.clone();
        // The SDK adds address, headers and, after the body is set, the signature.
        let builder = self.client().await.converse_stream().model_id(&*self.model);
        let sent = builder
            .customize()
            .mutate_request(move |request| set_body(request, body.clone()))
            .interceptor(RepairInterceptor(cuts.clone()))
            .send();
        match timeout(self.idle_timeout, sent).await {
            Ok(sent) => sent.map_err(Box::new),
            Err(elapsed) => Err(Box::new(SdkError::timeout_error(elapsed))),
        }
    }

    /// Loads the credentials and opens the connection with a `GET /`, which costs nothing. The result is always an
    /// error, because Bedrock responds with 404; the caller ignores it.
    async fn connect(&self) -> Result<(), ModelError> {
        let request = self.client().await.converse_stream().model_id(&*self.model);
        let response = request.customize().mutate_request(turn_into_get).send().await;
        if response.as_ref().is_err_and(|error| error.raw_response().is_some()) {
            self.may_be_stale.store(true, Ordering::Relaxed);
        }
        response.map(drop).map_err(|error| error::from_send_error(error, &ToolNames::default()))
    }
}

#[cfg(feature = "fuzzing")]
impl Bedrock {
    /// Writes the body of the request for a turn, for the tests with hostile inputs. It is no part of the API.
    #[doc(hidden)]
    pub fn request_body(&self, request: &Request) -> Bytes {
        request_body(request, &self.name, self.family, self.guardrail.as_ref())
    }
}

impl Model for Bedrock {
    /// Returns `bedrock/<model id>`.
    fn name(&self) -> &str {
        &self.name
    }

    /// Starts a turn: sends the request when the stream is first polled, and returns the deltas of the response.
    fn stream(&self, request: &Request) -> DeltaStream {
        let body = request_body(request, &self.name, self.family, self.guardrail.as_ref());
        let request = PreparedRequest { body, names: ToolNames::new(&request.tools) };
        self.clone().send(request).map_ok(deltas).try_flatten_stream().boxed()
    }

    /// Returns whether the part is text, or an image or document that Bedrock accepts.
    fn accepts(&self, part: &PartKind) -> bool {
        matches!(part, PartKind::Text { .. }) || Attachment::new(part, 1).is_some()
    }

    /// Loads the credentials and opens a connection; gives up after 2 s. A failure is ignored here, because the first
    /// turn reports it.
    fn warm_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // The response is always an error; it only matters that there was a response.
            let outcome = timeout(WARM_UP_TIMEOUT, self.connect()).await;
            debug!(model = &*self.name, in_time = outcome.is_ok(), "connection opened");
        })
    }
}

/// Returns whether the request failed because its connection broke before any part of a response came.
fn failed_before_response(sent: &SendResult) -> bool {
    let is_broken = |error: &SdkError<_, _>| match error {
        SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_other(),
        _ => false,
    };
    sent.as_ref().is_err_and(|error| is_broken(error))
}

/// Builds the SDK's client. Of `config`, the retries and timeouts are replaced: no retries, and only a limit for
/// opening a connection.
fn build_client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build();
    let config = Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        // A model that thinks may send nothing for long, which would count as a stalled stream.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    Client::from_conf(config.build())
}

/// Replaces the body of a request that the SDK has built, and its length in the headers.
fn set_body(request: &mut HttpRequest, body: Bytes) {
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = body.into();
}

/// Replaces a request of the SDK by `GET /` of the same host, with an empty body. Used to open a connection without a
/// turn.
fn turn_into_get(request: &mut HttpRequest) {
    let host = request.uri().splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    // Neither can fail, since the method is valid and the host was the request's. An unchanged request would be refused
    // as well, since it has no messages.
    let _ = request.set_method("GET");
    let _ = request.set_uri(format!("{host}/"));
    request.headers_mut().remove("content-length");
    request.headers_mut().remove("content-type");
    *request.body_mut() = SdkBody::empty();
}
