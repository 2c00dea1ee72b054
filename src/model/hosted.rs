//! Models behind a provider's HTTP API: OpenAI, Anthropic, Gemini, Ollama and those compatible with them.
//!
//! The `genai` crate writes the requests and reads most of the answers. It trusts providers more than a run
//! can: it guesses at model ids, ends broken turns well, and logs bodies (the targets `genai::*`, which a log
//! filter has to turn off). What is written around it here guards against that.
//!
//! No key is read from the environment here, and none is kept but in memory.

mod answer;
mod calls;
mod error;
mod frames;
mod key;
mod parts;
mod provider;
mod request;
mod sights;
#[cfg(test)]
mod tests;
mod thinking;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::{self, BoxFuture};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use genai::chat::ChatStream;
use genai::resolver::{AuthData, Endpoint};
use genai::{ModelIden, ServiceTarget};
use reqwest::{Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout};

use self::answer::Answer;
use self::frames::Frames;
use self::provider::Wire;
use self::request::Asked;
use super::wire::ToolNames;
use super::{Delta, DeltaStream, Model, ModelError, ModelErrorKind, Request};
use crate::protocol::TokenUsage;

pub use self::key::{ApiKey, ApiKeys};
pub use self::provider::{BadUrl, Provider};

/// Limit of making a connection.
const CONNECT: Duration = Duration::from_secs(3);

/// Limit of opening a connection ahead of the first turn.
const WARM: Duration = Duration::from_secs(2);

/// How long the end of a body may come behind its last event. Waiting for it costs less than another connection, and
/// only where the next turn follows at once.
const END_OF_BODY: Duration = Duration::from_millis(10);

/// The answers whose connections are waited for; more run at once in no environment.
const MAX_FINISHED: usize = 16;

/// A model of a [`Provider`].
///
/// It may be cloned: clones share connections. A proxy is used where `HTTPS_PROXY` and its like name one.
///
/// genai logs what providers answer, conversations included, under targets that begin with `genai`:
/// `aws::start` turns them off, and so must any other subscriber.
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
    /// Made by the first use: it costs milliseconds, which a start should not wait for. None if there is no TLS to
    /// be had.
    client: Arc<OnceLock<Option<Client>>>,
    /// Answers that are over, but whose connections are not free yet.
    finished: Arc<Mutex<Vec<(Instant, ChatStream)>>>,
}

/// One pool of connections, behind genai and by itself.
#[derive(Clone)]
struct Client {
    genai: genai::Client,
    http: reqwest::Client,
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
            client: Arc::default(),
            finished: Arc::default(),
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
        let (asked, names) = request::ask(inner.provider, &inner.name, &inner.id, request);
        let begin = Stage::Begin(Box::new((asked, names)));
        stream::unfold(begin, move |stage| {
            let inner = Arc::clone(&inner);
            async move { inner.next(stage).await }
        })
        .boxed()
    }

    fn warm(&self) -> BoxFuture<'_, ()> {
        let connect = async {
            if let Some(client) = self.inner.client() {
                // Whatever it answers, there is a connection then. A HEAD has no body, so it is free at once.
                let _ = timeout(WARM, client.http.head(self.inner.base_url.clone()).send()).await;
            }
        };
        // A key that cannot be had fails the first turn, and is logged there.
        future::join(connect, self.inner.key.get()).map(|_| ()).boxed()
    }
}

/// How far a turn is.
enum Stage {
    Begin(Box<(Asked, ToolNames)>),
    Open(Box<Answer>),
    Over,
}

impl Inner {
    async fn next(&self, stage: Stage) -> Option<(Result<Delta, ModelError>, Stage)> {
        let mut answer = match stage {
            Stage::Begin(begin) => match self.open(begin.0, begin.1).await {
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
                self.keep(answer.into_stream());
                Stage::Over
            }
            Ok(_) => Stage::Open(answer),
            Err(_) => Stage::Over,
        };
        Some((delta, stage))
    }

    fn client(&self) -> Option<&Client> {
        self.client.get_or_init(client).as_ref()
    }

    /// Sends the request; once more with a newer key, if the provider refuses the first one.
    async fn open(&self, asked: Asked, names: ToolNames) -> Result<Answer, ModelError> {
        self.let_go().await;
        let key = self.key.get().await?;
        let again = self.key.is_renewable().then(|| asked.clone());
        let mut answer = self.send(asked, names, key.clone()).await?;
        if let Some(asked) = again
            && answer.is_unauthorized().await
            && let Some(newer) = self.key.newer_than(key.as_ref()).await
            && Some(newer.expose_secret()) != key.as_ref().map(|key| key.expose_secret())
        {
            answer = self.send(asked, answer.into_names(), Some(newer)).await?;
        }
        Ok(answer)
    }

    async fn send(
        &self,
        asked: Asked,
        names: ToolNames,
        key: Option<SecretString>,
    ) -> Result<Answer, ModelError> {
        let no_client = || ModelError::new(ModelErrorKind::Misconfigured, "no HTTP client: TLS has no roots");
        let client = self.client().ok_or_else(no_client)?;
        let secret = key.as_ref().map(|key| key.expose_secret().trim()).unwrap_or_default();
        let target = ServiceTarget {
            endpoint: Endpoint::from_owned(self.base_url.as_str()),
            auth: AuthData::from_single(secret),
            model: ModelIden::new(asked.kind, self.id_for_genai()),
        };
        let frames = Arc::new(Frames::new(self.provider.wire));
        let mut options = asked.options;
        options.raw_frame_sink = Some(frames.clone());
        options.stream_header_timeout = Some(self.idle);
        options.stream_read_timeout = Some(self.idle);
        let sent = client.genai.exec_chat_stream(target, asked.chat, Some(&options)).await;
        // Nothing is sent by then: genai could not write the request. Its error may hold a part of it.
        let unwritten = |_| ModelError::new(ModelErrorKind::Refused, "genai could not write the request");
        let stream = sent.map_err(unwritten)?.stream;
        let counted = TokenUsage {
            provider: Some(self.provider.adapter.to_owned()),
            model: Some(self.id.clone()),
            ..TokenUsage::default()
        };
        Ok(Answer::new(stream, frames, self.provider.wire, names, key, counted))
    }

    /// The id such that genai sends it as it is: genai takes off what stands before a `::`, and for Gemini does
    /// so twice.
    fn id_for_genai(&self) -> String {
        match self.provider.wire {
            Wire::Gemini => format!("id::id::{}", self.id),
            _ => format!("id::{}", self.id),
        }
    }

    /// Keeps an answer of which all is told till the next turn.
    ///
    /// genai stops reading at the last event, and an HTTP/1.1 connection whose body was not read to its end is
    /// closed with the body, unless that end has arrived by then.
    fn keep(&self, stream: ChatStream) {
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        if finished.len() < MAX_FINISHED {
            finished.push((Instant::now(), stream));
        }
    }

    /// Frees the connections of the answers that were kept.
    async fn let_go(&self) {
        let finished = std::mem::take(&mut *self.finished.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some((newest, _)) = finished.last() {
            tokio::time::sleep_until(*newest + END_OF_BODY).await;
            drop(finished);
            // The connection's task reads the end, and another one puts it back into the pool.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        }
    }
}

fn client() -> Option<Client> {
    let http = reqwest::Client::builder()
        .tcp_nodelay(true)
        // What is compressed may be held back to fill a block.
        .no_gzip()
        .connect_timeout(CONNECT)
        // A redirect would carry the key to where nobody has sent it.
        .redirect(redirect::Policy::none())
        .build()
        .ok()?;
    let genai = genai::Client::builder().with_reqwest(http.clone()).build().ok()?;
    Some(Client { genai, http })
}
