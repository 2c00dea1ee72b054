//! The providers: what each is called, which wire it speaks, and where its address and key are found.
//!
//! One row a provider. What a wire can and cannot do is decided where requests are made and answers are read.

use reqwest::Url;

/// A provider of chat models that is reached over HTTP with one API key.
#[derive(Debug)]
pub struct Provider {
    /// First part of a model's name.
    pub(super) adapter: &'static str,
    /// The wire that it speaks.
    pub(super) wire: Wire,
    /// Variable of the API key.
    key: Option<&'static str>,
    /// Variable of the address.
    base: &'static str,
    /// Its own address.
    pub(super) url: &'static str,
    /// How unsigned reasoning goes back to it.
    pub(super) back: Back,
}

/// How unsigned reasoning goes back while calls are being answered. Some need it, and some refuse the whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// Not at all.
    No,
    /// In a field beside the text: `reasoning_content`, and `thinking` at Ollama.
    Field,
    /// As a `thinking` chunk of the content.
    Chunk,
}

/// How requests and answers look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// OpenAI chat completions, and all that are compatible.
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

/// An address is no http(s) URL, or holds more than a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a provider's address is no http or https URL, or holds a user, a fragment, or a query that its wire has no place for"
)]
#[non_exhaustive]
pub struct BadUrl;

macro_rules! providers {
    ($($adapter:literal $wire:ident $key:expr, $base:literal $url:literal $back:ident;)*) => {
        &[$(Provider {
            adapter: $adapter, wire: Wire::$wire, key: $key, base: $base, url: $url, back: Back::$back,
        }),*]
    };
}

static PROVIDERS: &[Provider] = providers! {
    "openai" Chat Some("OPENAI_API_KEY"), "OPENAI_BASE_URL" "https://api.openai.com/v1/" Field;
    "openai-responses" Responses Some("OPENAI_API_KEY"), "OPENAI_BASE_URL" "https://api.openai.com/v1/" No;
    "anthropic" Anthropic Some("ANTHROPIC_API_KEY"), "ANTHROPIC_BASE_URL" "https://api.anthropic.com/v1/" No;
    "gemini" Gemini Some("GEMINI_API_KEY"), "GOOGLE_GEMINI_BASE_URL" "https://generativelanguage.googleapis.com/v1beta/" No;
    "ollama" Ollama None, "OLLAMA_HOST" "http://127.0.0.1:11434/" Field;
    "groq" Chat Some("GROQ_API_KEY"), "GROQ_BASE_URL" "https://api.groq.com/openai/v1/" No;
    "mistral" Chat Some("MISTRAL_API_KEY"), "MISTRAL_BASE_URL" "https://api.mistral.ai/v1/" Chunk;
    "deepseek" Chat Some("DEEPSEEK_API_KEY"), "DEEPSEEK_BASE_URL" "https://api.deepseek.com/v1/" Field;
    "xai" Chat Some("XAI_API_KEY"), "XAI_BASE_URL" "https://api.x.ai/v1/" No;
    "together" Chat Some("TOGETHER_API_KEY"), "TOGETHER_BASE_URL" "https://api.together.xyz/v1/" No;
    "fireworks" Chat Some("FIREWORKS_API_KEY"), "FIREWORKS_BASE_URL" "https://api.fireworks.ai/inference/v1/" Field;
    "openrouter" Chat Some("OPENROUTER_API_KEY"), "OPENROUTER_BASE_URL" "https://openrouter.ai/api/v1/" Field;
    "nebius" Chat Some("NEBIUS_API_KEY"), "NEBIUS_BASE_URL" "https://api.studio.nebius.ai/v1/" No;
    "zai" Chat Some("ZAI_API_KEY"), "ZAI_BASE_URL" "https://api.z.ai/api/paas/v4/" Field;
    "moonshot" Chat Some("MOONSHOT_API_KEY"), "MOONSHOT_BASE_URL" "https://api.moonshot.ai/v1/" Field;
    "minimax" Anthropic Some("MINIMAX_API_KEY"), "MINIMAX_BASE_URL" "https://api.minimax.io/anthropic/v1/" No;
};

impl Provider {
    /// The provider of this adapter name, such as `openai-responses`.
    pub fn named(adapter: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.adapter == adapter)
    }

    /// Every provider.
    pub fn all() -> &'static [Self] {
        PROVIDERS
    }

    /// Its adapter name: what stands before the first `/` of a model's name.
    pub fn adapter(&self) -> &'static str {
        self.adapter
    }

    /// The variable that holds its API key, such as `OPENAI_API_KEY`; None if it takes none.
    pub fn key_variable(&self) -> Option<&'static str> {
        self.key
    }

    /// The variable that holds another address of it, such as `OPENAI_BASE_URL`; see
    /// [`Hosted::base_url`](super::Hosted::base_url) for its form.
    pub fn base_url_variable(&self) -> &'static str {
        self.base
    }

    /// An address in the form that paths are appended to.
    pub(super) fn base_url(&self, text: &str) -> Result<Url, BadUrl> {
        let text = text.trim();
        let is_host = self.wire == Wire::Ollama && !text.contains("://");
        let mut url = match is_host {
            true if text.starts_with(':') => Url::parse(&format!("http://127.0.0.1{text}")),
            true => Url::parse(&format!("http://{text}")),
            false => Url::parse(text),
        }
        .map_err(|_| BadUrl)?;
        let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        // Azure's addresses have a query.
        let may_query = matches!(self.wire, Wire::Chat | Wire::Responses);
        let is_place = is_bare && url.has_host() && (may_query || url.query().is_none());
        if !matches!(url.scheme(), "http" | "https") || !is_place {
            return Err(BadUrl);
        }
        let mut path = url.path().trim_end_matches('/').to_owned();
        let has_version = path.rsplit('/').next().is_some_and(|last| last.starts_with("v1"));
        match self.wire {
            Wire::Anthropic if !has_version => path.push_str("/v1"),
            Wire::Gemini if !has_version => path.push_str("/v1beta"),
            // The colons of an IPv6 address stand in brackets.
            Wire::Ollama if is_host && !text.rsplit(']').next().is_some_and(|text| text.contains(':')) => {
                url.set_port(Some(11434)).map_err(|()| BadUrl)?;
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
    fn adapters_are_found_by_their_names_and_no_two_share_one() {
        for provider in Provider::all() {
            assert!(std::ptr::eq(Provider::named(provider.adapter).unwrap(), provider));
            assert_eq!(provider.base_url(provider.url).unwrap().as_str(), provider.url);
        }
        assert!(Provider::named("bedrock").is_none());
        assert_eq!(Provider::named("ollama").unwrap().key_variable(), None);
    }

    #[test]
    fn an_address_is_taken_in_the_forms_that_other_programs_use() {
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
