//! The settings that make a function use the stand-in for a model provider, for each wire format.

use ag_ui_dev::provider::Wire;

/// The API key of the function. No log line may contain it.
pub const KEY: &str = "sk-test-0123456789abcdef";

/// Returns the value of `AGUI_MODEL` that makes a function use this wire.
pub fn model(wire: Wire) -> &'static str {
    match wire {
        Wire::OpenAiChat => "openai/gpt-test",
        Wire::OpenAiResponses => "openai-responses/gpt-5-test",
        Wire::Anthropic => "anthropic/claude-sonnet-4-5",
        Wire::Gemini => "gemini/gemini-3-test",
        Wire::Ollama => "ollama/llama-test",
        _ => "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0",
    }
}

/// Returns the environment variables that make a function use the provider at `url` over this wire.
pub fn variables(wire: Wire, url: &str) -> Vec<(&'static str, String)> {
    let mut variables = vec![("AGUI_MODEL", model(wire).to_owned())];
    variables.extend(match wire {
        Wire::OpenAiChat | Wire::OpenAiResponses => {
            vec![("OPENAI_API_KEY", KEY.to_owned()), ("OPENAI_BASE_URL", format!("{url}/v1"))]
        }
        Wire::Anthropic => {
            vec![("ANTHROPIC_API_KEY", KEY.to_owned()), ("ANTHROPIC_BASE_URL", url.to_owned())]
        }
        Wire::Gemini => vec![("GEMINI_API_KEY", KEY.to_owned()), ("GOOGLE_GEMINI_BASE_URL", url.to_owned())],
        Wire::Ollama => vec![("OLLAMA_HOST", url.to_owned())],
        _ => vec![
            ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", KEY.to_owned()),
        ],
    });
    variables
}
