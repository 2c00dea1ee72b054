//! The table of providers: each one's name, its wire format, and where its address and key are configured.
//!
//! What a wire format can and cannot do is decided in the files that write requests and read responses.

use reqwest::Url;

/// A provider of chat models that is reached over HTTP with one API key.
///
/// ```
/// use ag_ui_lambda::model::{Credentials, HttpModel, Provider};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ollama = Provider::named("ollama").ok_or("there is no such adapter")?;
/// let model = HttpModel::new(ollama, "qwen3:8b", Credentials::None).base_url("http://gpu-box:11434/")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Provider {
    /// The first part of a model's name.
    pub(super) adapter: &'static str,
    /// The format of requests and responses.
    pub(super) wire: Wire,
    /// The variable of the API key; `None` if the provider needs no key.
    key_variable: Option<&'static str>,
    /// The variable of the address.
    base_url_variable: &'static str,
    /// The address that is used if none is set.
    pub(super) default_base_url: &'static str,
    /// How unsigned reasoning goes back to the provider.
    pub(super) reasoning_replay: ReasoningReplay,
}

/// How unsigned reasoning goes back to a provider while calls are being answered. Some providers need it, and some refuse a
/// request that contains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReasoningReplay {
    /// It does not go back.
    Never,
    /// It goes back in a field beside the text: `reasoning_content`, or `thinking` at Ollama.
    Field,
    /// It goes back as a `thinking` chunk of the content.
    Chunk,
}

/// The format of requests and responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// OpenAI chat completions, and compatible servers.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini `streamGenerateContent`.
    Gemini,
    /// Ollama `api/chat`.
    Ollama,
}

/// The error for a provider's address that is not an http or https URL, or has parts that an address must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the provider's address must be an http or https URL without a user, a fragment or, except for OpenAI and compatible \
     servers, a query"
)]
#[non_exhaustive]
pub struct BaseUrlError;

macro_rules! providers {
    ($($(#[$attribute:meta])* $adapter:literal $wire:ident $key:expr, $base:literal $url:literal $replay:ident;)*) => {
        &[$($(#[$attribute])* Provider {
            adapter: $adapter,
            wire: Wire::$wire,
            key_variable: $key,
            base_url_variable: $base,
            default_base_url: $url,
            reasoning_replay: ReasoningReplay::$replay,
        }),*]
    };
}

static PROVIDERS: &[Provider] = providers! {
    "openai" Chat Some("OPENAI_API_KEY"), "OPENAI_BASE_URL" "https://api.openai.com/v1/" Field;
    "openai-responses" Responses Some("OPENAI_API_KEY"), "OPENAI_BASE_URL" "https://api.openai.com/v1/" Never;
    "anthropic" Anthropic Some("ANTHROPIC_API_KEY"), "ANTHROPIC_BASE_URL" "https://api.anthropic.com/v1/" Never;
    "gemini" Gemini Some("GEMINI_API_KEY"), "GOOGLE_GEMINI_BASE_URL" "https://generativelanguage.googleapis.com/v1beta/" Never;
    "ollama" Ollama None, "OLLAMA_HOST" "http://127.0.0.1:11434/" Field;
    "groq" Chat Some("GROQ_API_KEY"), "GROQ_BASE_URL" "https://api.groq.com/openai/v1/" Never;
    "mistral" Chat Some("MISTRAL_API_KEY"), "MISTRAL_BASE_URL" "https://api.mistral.ai/v1/" Chunk;
    "deepseek" Chat Some("DEEPSEEK_API_KEY"), "DEEPSEEK_BASE_URL" "https://api.deepseek.com/v1/" Field;
    "xai" Chat Some("XAI_API_KEY"), "XAI_BASE_URL" "https://api.x.ai/v1/" Never;
    "together" Chat Some("TOGETHER_API_KEY"), "TOGETHER_BASE_URL" "https://api.together.xyz/v1/" Never;
    "fireworks" Chat Some("FIREWORKS_API_KEY"), "FIREWORKS_BASE_URL" "https://api.fireworks.ai/inference/v1/" Field;
    "openrouter" Chat Some("OPENROUTER_API_KEY"), "OPENROUTER_BASE_URL" "https://openrouter.ai/api/v1/" Field;
    "nebius" Chat Some("NEBIUS_API_KEY"), "NEBIUS_BASE_URL" "https://api.studio.nebius.ai/v1/" Never;
    "zai" Chat Some("ZAI_API_KEY"), "ZAI_BASE_URL" "https://api.z.ai/api/paas/v4/" Field;
    "moonshot" Chat Some("MOONSHOT_API_KEY"), "MOONSHOT_BASE_URL" "https://api.moonshot.ai/v1/" Field;
    "minimax" Anthropic Some("MINIMAX_API_KEY"), "MINIMAX_BASE_URL" "https://api.minimax.io/anthropic/v1/" Never;
    // The address depends on the region and the model, so that a setting has to name it.
    #[cfg(feature = "bedrock")]
    "mantle" Chat Some("AWS_BEARER_TOKEN_BEDROCK"), "AWS_BEDROCK_BASE_URL" "https://bedrock-mantle.invalid/v1/" Never;
    #[cfg(feature = "bedrock")]
    "mantle-responses" Responses Some("AWS_BEARER_TOKEN_BEDROCK"), "AWS_BEDROCK_BASE_URL" "https://bedrock-mantle.invalid/v1/" Never;
};

impl Provider {
    /// Returns the provider with this adapter name, such as `openai-responses`. Returns `None` if no provider has it, and
    /// for `bedrock`, which is not an [`HttpModel`](super::HttpModel). The configuration finds the provider of an entry
    /// in `AGUI_MODEL` with this function.
    ///
    /// `mantle` and `mantle-responses` have no address of their own, so that a model of them needs a
    /// [`base_url`](super::HttpModel::base_url).
    pub fn named(adapter: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.adapter == adapter)
    }

    /// Returns all providers that are reached over HTTP. The configuration lists their names where it reports an
    /// unknown adapter.
    pub fn all() -> &'static [Self] {
        PROVIDERS
    }

    /// Returns the provider's adapter name, such as `openai`. It is the part of a model's name before the first `/`.
    pub fn adapter(&self) -> &'static str {
        self.adapter
    }

    /// Returns the name of the environment variable for the API key, such as `OPENAI_API_KEY`; `None` if the provider
    /// needs no key.
    pub fn key_variable(&self) -> Option<&'static str> {
        self.key_variable
    }

    /// Returns the name of the environment variable that replaces the provider's address, such as `OPENAI_BASE_URL`.
    /// [`HttpModel::base_url`](super::HttpModel::base_url) describes the address.
    pub fn base_url_variable(&self) -> &'static str {
        self.base_url_variable
    }

    /// Returns whether nobody else can read what is sent to this address: it has TLS, or is on this machine. The settings of a
    /// function ask.
    #[cfg(feature = "lambda")]
    pub(crate) fn is_private_connection(url: &Url) -> bool {
        // The host is a normal form: an address of IPv4 as four numbers, and one of IPv6 in brackets.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_loopback = |address: std::net::IpAddr| address.to_canonical().is_loopback();
        url.scheme() == "https" || host == "localhost" || host.parse().is_ok_and(is_loopback)
    }

    /// Parses an address of this provider, and returns it in the form to which paths are appended: with a `/` at the
    /// end, for Anthropic and Gemini with a version, and for an Ollama host with its default port.
    ///
    /// # Errors
    /// [`BaseUrlError`] if the text is not an http or https URL, or has a user, a fragment or a query that the provider
    /// can't have.
    pub(crate) fn base_url(&self, text: &str) -> Result<Url, BaseUrlError> {
        let text = text.trim();
        let is_host = self.wire == Wire::Ollama && !text.contains("://");
        let mut url = match is_host {
            true if text.starts_with(':') => Url::parse(&format!("http://127.0.0.1{text}")),
            true => Url::parse(&format!("http://{text}")),
            false => Url::parse(text),
        }
        .map_err(|_| BaseUrlError)?;
        let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        // Some servers of OpenAI's APIs read the version of the API from the query of their address.
        let may_query = matches!(self.wire, Wire::Chat | Wire::Responses);
        let is_address = is_bare && url.has_host() && (may_query || url.query().is_none());
        if !matches!(url.scheme(), "http" | "https") || !is_address {
            return Err(BaseUrlError);
        }
        let mut path = url.path().trim_end_matches('/').to_owned();
        let has_version = path.rsplit('/').next().is_some_and(|last| last.starts_with("v1"));
        match self.wire {
            Wire::Anthropic if !has_version => path.push_str("/v1"),
            Wire::Gemini if !has_version => path.push_str("/v1beta"),
            // The colons of an IPv6 address stand in brackets.
            Wire::Ollama if is_host && !text.rsplit(']').next().is_some_and(|text| text.contains(':')) => {
                url.set_port(Some(11434)).map_err(|()| BaseUrlError)?;
            }
            _ => {}
        }
        url.set_path(&format!("{path}/"));
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_adapter_name_finds_its_own_provider() {
        for provider in Provider::all() {
            assert!(std::ptr::eq(Provider::named(provider.adapter).unwrap(), provider));
            assert_eq!(
                provider.base_url(provider.default_base_url).unwrap().as_str(),
                provider.default_base_url
            );
        }
        assert!(Provider::named("bedrock").is_none());
        assert_eq!(Provider::named("ollama").unwrap().key_variable(), None);
    }

    #[test]
    fn an_address_may_have_the_forms_of_other_programs() {
        for (adapter, text, expected) in [
            ("openai", "http://localhost:4010/v1", Some("http://localhost:4010/v1/")),
            ("openai", "https://a.example/v1/?api-version=1", Some("https://a.example/v1/?api-version=1")),
            ("anthropic", "https://a.example", Some("https://a.example/v1/")),
            ("anthropic", "https://a.example/claude/v1/", Some("https://a.example/claude/v1/")),
            ("gemini", "https://a.example", Some("https://a.example/v1beta/")),
            ("gemini", "https://a.example/v1", Some("https://a.example/v1/")),
            ("ollama", "gpu:1234", Some("http://gpu:1234/")),
            ("ollama", "gpu", Some("http://gpu:11434/")),
            ("ollama", "gpu:80", Some("http://gpu/")),
            ("ollama", ":11500", Some("http://127.0.0.1:11500/")),
            ("ollama", "[::1]", Some("http://[::1]:11434/")),
            ("ollama", "[::1]:80", Some("http://[::1]/")),
            ("ollama", "https://gpu.example", Some("https://gpu.example/")),
            ("openai", "localhost:4010", None),
            ("openai", "https://user:secret@a.example/v1", None),
            ("anthropic", "https://a.example?x=1", None),
            ("openai", "file:///etc/passwd", None),
        ] {
            let url = Provider::named(adapter).unwrap().base_url(text).ok();
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{adapter} {text}");
        }
    }
}
