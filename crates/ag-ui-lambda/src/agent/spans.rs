//! The spans of a run, by OpenTelemetry's semantic conventions for generative AI: `invoke_agent` for the run, `chat` for
//! each model that is asked, `execute_tool` for each tool that runs here.
//!
//! They say what was asked of whom, how long it took and how it ended. Nothing that was said is in them. They have a
//! target of their own: who does not listen to it pays nothing, and no line of the log shows them.
//!
//! Source: <https://github.com/open-telemetry/semantic-conventions-genai/tree/main/docs/gen-ai>

use tracing::field::Empty;
use tracing::{Span, info_span};

use super::run::run_error;
use crate::model::{ModelErrorKind, StopReason};
use crate::protocol::{RunId, ThreadId, TokenUsage, ToolCallId};

/// The target of the spans, and of nothing else.
pub(crate) const SPANS: &str = "ag_ui_lambda::gen_ai";

/// A run.
pub(super) fn invoke_agent(thread_id: &ThreadId, run_id: &RunId) -> Span {
    info_span!(
        target: SPANS,
        "invoke_agent",
        "otel.kind" = "internal",
        "otel.status_code" = Empty,
        "error.type" = Empty,
        "gen_ai.operation.name" = "invoke_agent",
        "gen_ai.conversation.id" = thread_id.loggable(),
        "gen_ai.provider.name" = Empty,
        "gen_ai.request.model" = Empty,
        "gen_ai.usage.input_tokens" = Empty,
        "gen_ai.usage.output_tokens" = Empty,
        "gen_ai.usage.cache_read.input_tokens" = Empty,
        "ag_ui.run.id" = run_id.loggable(),
        "ag_ui.run.outcome" = Empty,
        "ag_ui.run.reason" = Empty,
    )
}

/// A call of a tool here.
pub(super) fn execute_tool(name: &str, id: &ToolCallId) -> Span {
    info_span!(
        target: SPANS,
        "execute_tool",
        "otel.name" = format!("execute_tool {name}"),
        "otel.kind" = "internal",
        "otel.status_code" = Empty,
        "error.type" = Empty,
        "gen_ai.operation.name" = "execute_tool",
        "gen_ai.tool.name" = name,
        "gen_ai.tool.call.id" = id.loggable(),
        "gen_ai.tool.type" = "function",
    )
}

/// A model that is asked for a turn.
pub(super) struct Chat {
    span: Span,
    usage: TokenUsage,
}

impl Chat {
    pub(super) fn new(name: &str) -> Self {
        let (provider, model) = provider_and_model(name);
        let span = info_span!(
            target: SPANS,
            "chat",
            "otel.name" = format!("chat {model}"),
            "otel.kind" = "client",
            "otel.status_code" = Empty,
            "error.type" = Empty,
            "gen_ai.operation.name" = "chat",
            "gen_ai.provider.name" = provider,
            "gen_ai.request.model" = model,
            "gen_ai.request.stream" = true,
            "gen_ai.response.finish_reasons" = Empty,
            "gen_ai.usage.input_tokens" = Empty,
            "gen_ai.usage.output_tokens" = Empty,
            "gen_ai.usage.cache_read.input_tokens" = Empty,
        );
        Self { span, usage: TokenUsage::default() }
    }

    pub(super) fn used(&mut self, usage: &TokenUsage) {
        self.usage.add(usage);
        record_usage(&self.span, &self.usage);
    }

    pub(super) fn ended(&self, reason: StopReason, has_calls: bool) {
        let reason = match reason {
            StopReason::Complete if has_calls => "tool_calls",
            StopReason::Complete => "stop",
            StopReason::MaxTokens => "length",
            StopReason::Filtered => "content_filter",
        };
        self.span.record("gen_ai.response.finish_reasons", reason);
    }

    pub(super) fn failed(&self, kind: ModelErrorKind) {
        record_error(&self.span, run_error(kind).code);
    }
}

/// Says which model made a run's first turn.
pub(super) fn record_model(span: &Span, name: &str) {
    let (provider, model) = provider_and_model(name);
    span.record("gen_ai.provider.name", provider).record("gen_ai.request.model", model);
}

pub(super) fn record_usage(span: &Span, usage: &TokenUsage) {
    for (attribute, tokens) in [
        ("gen_ai.usage.input_tokens", usage.input_tokens),
        ("gen_ai.usage.output_tokens", usage.output_tokens),
        ("gen_ai.usage.cache_read.input_tokens", usage.cached_input_tokens),
    ] {
        if let Some(tokens) = tokens {
            // OpenTelemetry has no unsigned numbers.
            span.record(attribute, i64::try_from(tokens).unwrap_or(i64::MAX));
        }
    }
}

pub(super) fn record_error(span: &Span, kind: &str) {
    span.record("otel.status_code", "ERROR").record("error.type", kind);
}

/// A model's name, in the conventions' own words where they have some.
fn provider_and_model(name: &str) -> (&str, &str) {
    let (adapter, model) = name.split_once('/').unwrap_or((name, name));
    let provider = match adapter {
        "bedrock" => "aws.bedrock",
        "openai-responses" => "openai",
        "gemini" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        "moonshot" => "moonshot_ai",
        adapter => adapter,
    };
    (provider, model)
}
