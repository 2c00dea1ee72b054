//! Amazon Bedrock behind the port [`Model`], through its one API for every model: ConverseStream.
//!
//! Here is the client and the order of a turn; what is asked is in `request`, what is answered in `stream`, and
//! what goes wrong in `error`. Nothing is retried here: whoever holds the model knows whether something was
//! already said.

mod error;
mod family;
mod media;
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
use aws_sdk_bedrockruntime::types::GuardrailStreamConfiguration;
use aws_smithy_types::body::SdkBody;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryFutureExt as _};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::debug;

use self::family::Family;
use self::media::Medium;
use self::repair::{BlockTexts, RepairAnswer, SharedCuts};
use self::request::Ask;
use self::stream::{Answer, deltas};
use super::wire::ToolNames;
use super::{DeltaStream, Model, ModelError, ModelErrorKind, Request};
use crate::protocol::PartKind;

/// How long a connection may take; Bedrock is in the same region or on the same continent.
const CONNECT: Duration = Duration::from_secs(3);

/// How long getting ready may take: a start that takes longer costs more than it saves.
const WARM: Duration = Duration::from_secs(2);

/// What came of a request.
type Sent = Result<ConverseStreamOutput, Box<SdkError<ConverseStreamError, HttpResponse>>>;

/// A chat model of Amazon Bedrock, asked with the role and the region of the environment.
///
/// Its name is `bedrock/<model id>`. A turn streams text, reasoning with its signatures, calls with their
/// arguments as they are written, and its tokens.
///
/// Of the [settings](super::ModelSettings), `thinking_tokens` reaches Claude models that think, and no others.
/// Those that choose themselves how long they think (Claude Opus 4.7 and later) take it as the wish to think;
/// they are never told a temperature, which they refuse, and no others are while they think. A model that
/// thinks cannot be made to call a tool. Bedrock can't forbid calls: with
/// [`ToolChoice::None`](super::ToolChoice::None) no tool is declared but those that the history names.
///
/// Pictures (PNG, JPEG, GIF, WebP) and documents (PDF, CSV, Word, Excel, HTML, text, Markdown) inside a message
/// go along. Other parts are left out, with a line in the log.
///
/// What a model is known to take is told by its id. An application inference profile hides it: name
/// [`prompt_cache`](Self::prompt_cache) then, and do without `thinking_tokens`.
///
/// Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>.
#[derive(Debug, Clone)]
pub struct Bedrock {
    name: Arc<str>,
    /// Id of a model, or id or ARN of an inference profile.
    model: Arc<str>,
    family: Family,
    /// Made by the first use: it costs milliseconds, which a start should not wait for.
    client: Arc<OnceCell<Client>>,
    /// Whether an answer came since a connection failed: the next request may find that one.
    has_answered: Arc<AtomicBool>,
    idle_timeout: Duration,
    guardrail: Option<GuardrailStreamConfiguration>,
    prompt_cache: Option<bool>,
}

impl Bedrock {
    /// The model with this id, or behind this inference profile. Makes no call.
    #[must_use]
    pub fn new(model: impl Into<String>) -> Self {
        let model = model.into();
        Self {
            name: format!("bedrock/{model}").into(),
            family: Family::of(&model),
            model: model.into(),
            client: Arc::default(),
            has_answered: Arc::default(),
            idle_timeout: Duration::from_secs(60),
            guardrail: None,
            prompt_cache: None,
        }
    }

    /// The same model, asked with these settings. Their retries and time-outs are not used.
    #[must_use]
    pub fn with_config(self, config: &SdkConfig) -> Self {
        Self { client: Arc::new(OnceCell::new_with(Some(client(config)))), ..self }
    }

    /// The same model, given up when it is silent for this long. It is 60 s unless set: a model may think that
    /// long before its first word.
    #[must_use]
    pub fn idle_timeout(self, idle_timeout: Duration) -> Self {
        Self { idle_timeout, ..self }
    }

    /// The same model behind a guardrail, by its id or ARN and its version.
    #[must_use]
    pub fn guardrail(self, id: impl Into<String>, version: impl Into<String>) -> Self {
        let guardrail = GuardrailStreamConfiguration::builder();
        let guardrail = guardrail.guardrail_identifier(id).guardrail_version(version).build();
        Self { guardrail: Some(guardrail), ..self }
    }

    /// The same model, whose provider keeps system prompt and tools between turns, or does not.
    ///
    /// Unless set, it does so for the Claude and Nova models that can. A model that can't refuses the request.
    #[must_use]
    pub fn prompt_cache(self, is_on: bool) -> Self {
        Self { prompt_cache: Some(is_on), ..self }
    }

    async fn client(&self) -> &Client {
        let from_environment =
            || async { client(&aws_config::load_defaults(BehaviorVersion::latest()).await) };
        self.client.get_or_init(from_environment).await
    }

    /// Sends the request and waits until it is accepted.
    async fn send(self, ask: Ask) -> Result<Answer, ModelError> {
        let cuts = SharedCuts::default();
        let mut sent = self.sent(&ask, &cuts).await;
        // A connection that was used before may have died since, which is no failure of the provider's.
        if has_died(&sent) && self.has_answered.swap(false, Ordering::Relaxed) {
            sent = self.sent(&ask, &cuts).await;
        }
        // Whatever it answers, there is a connection then.
        if sent.is_ok() || sent.as_ref().is_err_and(|error| error.raw_response().is_some()) {
            self.has_answered.store(true, Ordering::Relaxed);
        }
        let answer = sent.map_err(|error| match *error {
            SdkError::TimeoutError(_) => {
                let cause = format!("no answer within {:?}", self.idle_timeout);
                ModelError::new(ModelErrorKind::Unavailable, cause)
            }
            error => error::refused(error, &ask.names),
        })?;
        let request_id = answer.request_id().map(ToOwned::to_owned);
        let texts = BlockTexts::new(cuts);
        Ok(Answer::new(answer.stream, request_id, ask.names, self.model, self.idle_timeout, texts))
    }

    /// One try to send it.
    async fn sent(&self, ask: &Ask, cuts: &SharedCuts) -> Sent {
        let request = self.client().await.converse_stream();
        let sent = request
            .model_id(&*self.model)
            .set_system(ask.system.clone())
            .set_messages(Some(ask.messages.clone()))
            .set_tool_config(ask.tools.clone())
            .set_inference_config(ask.inference.clone())
            .set_additional_model_request_fields(ask.more.clone())
            .set_guardrail_config(self.guardrail.clone())
            .customize()
            .mutate_request(sort_body)
            .interceptor(RepairAnswer(cuts.clone()))
            .send();
        match timeout(self.idle_timeout, sent).await {
            Ok(sent) => sent.map_err(Box::new),
            Err(elapsed) => Err(Box::new(SdkError::timeout_error(elapsed))),
        }
    }

    /// Loads the credentials and opens the connection, by a request that Bedrock answers with a 404 of no cost.
    async fn connect(&self) -> Result<(), ModelError> {
        let request = self.client().await.converse_stream().model_id(&*self.model);
        let answer = request.customize().mutate_request(ask_for_nothing).send().await;
        if answer.as_ref().is_err_and(|error| error.raw_response().is_some()) {
            self.has_answered.store(true, Ordering::Relaxed);
        }
        answer.map(drop).map_err(|error| error::refused(error, &ToolNames::default()))
    }
}

impl Model for Bedrock {
    fn name(&self) -> &str {
        &self.name
    }

    fn stream(&self, request: &Request) -> DeltaStream {
        let ask = Ask::new(request, &self.name, self.family, self.prompt_cache);
        self.clone().send(ask).map_ok(deltas).try_flatten_stream().boxed()
    }

    fn takes(&self, part: &PartKind) -> bool {
        matches!(part, PartKind::Text { .. }) || Medium::new(part, 1).is_some()
    }

    fn warm(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // The answer is an error in any case; what counts is that there was one.
            let outcome = timeout(WARM, self.connect()).await;
            debug!(model = &*self.name, in_time = outcome.is_ok(), "connection opened");
        })
    }
}

/// Whether the connection failed before anything of an answer came.
fn has_died(sent: &Sent) -> bool {
    let is_broken = |error: &SdkError<_, _>| match error {
        SdkError::DispatchFailure(fault) => fault.is_io() || fault.is_other(),
        _ => false,
    };
    sent.as_ref().is_err_and(|error| is_broken(error))
}

fn client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).build();
    let config = Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        // A model that thinks is silent for long, which would count as a stalled stream.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    Client::from_conf(config.build())
}

/// Puts the body's objects into one order.
///
/// The SDK keeps a document's members, hence a tool's schema and its arguments, in a `HashMap`, and each request
/// would write them in another order: the provider's prompt cache would never find them again. This may go when
/// `aws_smithy_types::Document` keeps an order.
fn sort_body(request: &mut HttpRequest) {
    let body = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok());
    let sorted = body.map(|mut body: serde_json::Value| {
        body.sort_all_objects();
        body.to_string()
    });
    if let Some(body) = sorted {
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
    }
}

/// Turns a request into `GET /` of the same host.
fn ask_for_nothing(request: &mut HttpRequest) {
    let host = request.uri().splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    // Neither can fail: the method is one, and the host was the request's. A request that stays as it was would
    // be refused too, since it has no messages.
    let _ = request.set_method("GET");
    let _ = request.set_uri(format!("{host}/"));
    request.headers_mut().remove("content-length");
    request.headers_mut().remove("content-type");
    *request.body_mut() = SdkBody::empty();
}
