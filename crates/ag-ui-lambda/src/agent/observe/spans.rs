//! The spans of a run, by OpenTelemetry's semantic conventions for generative AI: `invoke_agent` for the run, `chat` for each
//! request to a model, `execute_tool` for each call of a backend tool.
//!
//! They hold what was asked of which model or tool, how long it took and how it ended, and no text of a message. They have a
//! target of their own: a subscriber that does not listen to it pays nothing, and no line of the log shows them.
//!
//! Source: <https://github.com/open-telemetry/semantic-conventions-genai/tree/main/docs/gen-ai>

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::agent::run::end::run_error;
use crate::model::{ModelErrorKind, StopReason};
use crate::protocol::{RunId, ThreadId, TokenUsage, ToolCallId};

/// The target of the spans. Nothing else has it.
pub(crate) const SPAN_TARGET: &str = "ag_ui_lambda::gen_ai";

/// Opens the span `invoke_agent` of a run. The usage, the model and the outcome are recorded later.
pub(crate) fn invoke_agent(thread_id: &ThreadId, run_id: &RunId) -> Span {
    info_span!(
        target: SPAN_TARGET,
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

/// Opens the span `execute_tool` of a call of the backend tool `name`.
pub(super) fn execute_tool(name: &str, id: &ToolCallId) -> Span {
    info_span!(
        target: SPAN_TARGET,
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

/// The span of one request to a model.
pub(super) struct ChatSpan(Span);

impl ChatSpan {
    /// Opens the span `chat` of a request to the model of this name, such as `bedrock/...`.
    pub(super) fn new(name: &str) -> Self {
        let (provider, model) = provider_and_model(name);
        Self(info_span!(
            target: SPAN_TARGET,
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
        ))
    }

    /// Records how many tokens the request has used so far.
    pub(super) fn record_usage(&self, usage: &TokenUsage) {
        record_usage(&self.0, usage);
    }

    /// Records why the turn has ended, in OpenTelemetry's words. `has_calls` is whether the model made calls in the
    /// turn.
    pub(super) fn record_finish(&self, reason: StopReason, has_calls: bool) {
        let reason = match reason {
            StopReason::Complete if has_calls => "tool_calls",
            StopReason::Complete => "stop",
            StopReason::MaxTokens => "length",
            StopReason::Filtered => "content_filter",
        };
        self.0.record("gen_ai.response.finish_reasons", reason);
    }

    /// Marks the span as failed, with the code that the client reads for an error of this kind.
    pub(super) fn record_failure(&self, kind: ModelErrorKind) {
        record_error(&self.0, run_error(kind).code);
    }
}

/// Records in the span of a run the name of the model that began the first turn.
pub(super) fn record_model(span: &Span, name: &str) {
    let (provider, model) = provider_and_model(name);
    span.record("gen_ai.provider.name", provider).record("gen_ai.request.model", model);
}

/// Records in the span of a run how the run ended. `reason` is set for a cancelled run; `code` is set for a failed run
/// and marks the span as failed.
pub(super) fn record_outcome(span: &Span, outcome: &str, reason: Option<&str>, code: Option<&str>) {
    span.record("ag_ui.run.outcome", outcome);
    if let Some(reason) = reason {
        span.record("ag_ui.run.reason", reason);
    }
    if let Some(code) = code {
        record_error(span, code);
    }
}

/// Records the numbers of tokens in a span. A number that is `None` is left empty.
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

/// Marks a span as failed. `kind` becomes its `error.type`.
fn record_error(span: &Span, kind: &str) {
    span.record("otel.status_code", "ERROR").record("error.type", kind);
}

/// Splits the name of a model at the first `/` into provider and model, and replaces the provider with the name that
/// OpenTelemetry's conventions have for it, if they have one. A name without `/` is returned as both.
fn provider_and_model(name: &str) -> (&str, &str) {
    let (adapter, model) = name.split_once('/').unwrap_or((name, name));
    let provider = match adapter {
        "bedrock" | "mantle" | "mantle-responses" => "aws.bedrock",
        "openai-responses" => "openai",
        "gemini" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        "moonshot" => "moonshot_ai",
        adapter => adapter,
    };
    (provider, model)
}
