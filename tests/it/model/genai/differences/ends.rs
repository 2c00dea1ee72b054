//! Differences in how a turn ends.

use super::Difference;
use super::Right::{Both, Ours};

pub(super) const ENDS: &[Difference] = &[
    Difference {
        streams: &[
            "case: no-DONE-and-no-finish-reason-eof 1",
            "case: null-reason-in-the-second-choice 1",
            "openai: the body ends early",
            "anthropic: the body ends early",
        ],
        genai: r#"{"end":"no end"}"#,
        ours: r#"{"end":"error"}"#,
        right: Ours,
        why: "The turn has no reason to stop, so that the body was cut off; genai's stream stops without an error, \
            like that of a complete turn whose end marker is missing.",
    },
    Difference {
        streams: &[
            "case: error-field-in-event-stream 1",
            "case: error-field-in-event-stream 2",
            "case: error-field-in-event-stream 3",
        ],
        genai: r#"{"end":"no end"}"#,
        ours: r#"{"end":"error"}"#,
        right: Ours,
        why: "llama.cpp tells errors in a field of their own, and this one says that the conversation is too long; \
            genai leaves the field out and reports no error.",
    },
    Difference {
        streams: &["ollama: an error in the stream", "case: error-inside-a-200-ollama 1"],
        genai: r#"{"end":"no reason"}"#,
        ours: r#"{"end":"error"}"#,
        right: Ours,
        why: "Ollama tells errors as a line of their own; genai finds no message in it, reads on and makes up an end.",
    },
    Difference {
        streams: &[
            "openai-responses: the body ends early",
            "gemini: the body ends early",
            "ollama: the body ends early",
        ],
        genai: r#"{"end":"no reason"}"#,
        ours: r#"{"end":"error"}"#,
        right: Ours,
        why: "The turn has no reason to stop, so that the body was cut off; genai makes up an end, and leaves it to \
            its reader to see that the reason is missing.",
    },
    Difference {
        streams: &["case: no-DONE-after-finish-reason-eof 1"],
        genai: r#"{"end":"no end"}"#,
        ours: r#"{"end":"complete"}"#,
        right: Ours,
        why: "The provider sent its finish reason, so the turn is complete; genai waits for an end marker and \
            reports no end without one.",
    },
    Difference {
        streams: &["case: no-DONE-heartbeats-go-on 1", "case: no-DONE-with-a-call-eof 1"],
        genai: r#"{"calls":[],"end":"no end"}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]],"end":"complete"}"#,
        right: Ours,
        why: "The provider sent its finish reason, so the call is complete; genai reports neither it nor an end \
            without an end marker.",
    },
    Difference {
        streams: &["case: no-message-stop-eof 1"],
        genai: r#"{"calls":[],"end":"no end","tokens":null}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]],"end":"complete","tokens":{"input":10,"output":5}}"#,
        right: Ours,
        why: "The provider sent its finish reason, so the call is complete; genai reports neither it nor an end \
            nor the tokens without `message_stop`.",
    },
    Difference {
        streams: &["case: no-message-stop-pings-go-on 1"],
        genai: r#"{"end":"no end","tokens":null}"#,
        ours: r#"{"end":"complete","tokens":{"input":10,"output":5}}"#,
        right: Ours,
        why: "The provider sent its finish reason, so the turn is complete; genai reports neither an end nor the \
            tokens without `message_stop`.",
    },
    Difference {
        streams: &["case: no-done-flag-ollama 1"],
        genai: r#"{"end":"no reason"}"#,
        ours: r#"{"end":"complete"}"#,
        right: Ours,
        why: "The reason to stop stands beside `done: false`; genai reads it only beside `done: true`.",
    },
    Difference {
        streams: &["openai-responses: a frame that is no JSON"],
        genai: r#"{"end":"complete","text":"It is fine."}"#,
        ours: r#"{"end":"error","text":"It "}"#,
        right: Ours,
        why: "Nobody knows what a frame held that can't be read, so the turn is broken, as it is for genai on \
            every other wire; here genai leaves the frame out.",
    },
    Difference {
        streams: &["openai-responses: text cut by a filter", "openai-responses: stops for content_filter"],
        genai: r#"{"end":"max tokens"}"#,
        ours: r#"{"end":"filtered"}"#,
        right: Ours,
        why: "`incomplete_details` says that a filter held the rest back; genai reads the status alone, and \
            takes every incomplete response for one that is too long.",
    },
    Difference {
        streams: &["openai: stops for sensitive"],
        genai: r#"{"end":"other"}"#,
        ours: r#"{"end":"filtered"}"#,
        right: Ours,
        why: "Z.ai documents the word for an answer that its filter held back; genai does not know it.",
    },
    Difference {
        streams: &[
            "openai: stops for error",
            "openai: stops for network_error",
            "openai: stops for insufficient_system_resource",
            "gemini: stops for OTHER",
            "gemini: stops for IMAGE_OTHER",
            "gemini: stops for MALFORMED_FUNCTION_CALL",
            "gemini: stops for UNEXPECTED_TOOL_CALL",
            "ollama: stops for load",
        ],
        genai: r#"{"end":"other"}"#,
        ours: r#"{"end":"error"}"#,
        right: Ours,
        why: "The provider documents the word for a turn that did not end as it should; genai passes the word on \
            and calls the turn no failure.",
    },
    Difference {
        streams: &["openai: stops for eos"],
        genai: r#"{"end":"other"}"#,
        ours: r#"{"end":"complete"}"#,
        right: Ours,
        why: "Together documents the word for a complete answer; genai does not know it.",
    },
    Difference {
        streams: &["anthropic: stops for pause_turn", "gemini: stops for NO_IMAGE"],
        genai: r#"{"end":"other"}"#,
        ours: r#"{"end":"complete"}"#,
        right: Both,
        why: "The word is about searches or pictures, which our requests never ask for, so what was said is \
            kept, with a line in the log; genai passes the word on.",
    },
    Difference {
        streams: &[
            "case: error-inside-a-200-event 1",
            "case: error-inside-a-200-in-a-choice 1",
            "case: error-inside-a-200-code-and-message 1",
            "case: error-inside-a-200-detail-anthropic 1",
            "case: error-inside-a-200-errors 1",
            "case: error-inside-a-200-flat-type 1",
            "case: error-inside-a-200-plain-text 1",
        ],
        genai: r#"{"end":"no end"}"#,
        ours: r#"{"end":"error"}"#,
        right: Ours,
        why: "What comes in place of an answer is an error of the request; genai reads no error there and reports no end.",
    },
    Difference {
        streams: &["case: errors-of-nothing-beside-an-answer 1"],
        genai: r#"{"end":"error","text":""}"#,
        ours: r#"{"end":"complete","text":"Hello."}"#,
        right: Ours,
        why: "The member `error` says nothing, and an answer stands beside it; genai takes the member alone for an error.",
    },
    Difference {
        streams: &["case: anthropic-DONE-without-message-stop 1"],
        genai: r#"{"end":"no end","tokens":null}"#,
        ours: r#"{"end":"complete","tokens":{"input":1,"output":3}}"#,
        right: Ours,
        why: "OpenAI's end marker after the reason to stop ends the turn; genai waits for the wire's own and reports no end.",
    },
    Difference {
        streams: &["case: done-in-quotes 1"],
        genai: r#"{"end":"no end"}"#,
        ours: r#"{"end":"complete"}"#,
        right: Ours,
        why: "The end marker stands in quotes; genai waits for one without and reports no end.",
    },
    Difference {
        streams: &["case: finish-abort 1"],
        genai: r#"{"end":"other"}"#,
        ours: r#"{"end":"error"}"#,
        right: Ours,
        why: "The server has aborted the turn; genai passes the word on as another reason.",
    },
    Difference {
        streams: &["case: gemini-unspecified-only 1"],
        genai: r#"{"end":"other"}"#,
        ours: r#"{"end":"error"}"#,
        right: Ours,
        why: "The word says that there is no reason to stop, so the turn was cut; genai takes it for a reason.",
    },
    Difference {
        streams: &["case: no-reason-in-a-word-then-cut 1"],
        genai: r#"{"end":"no end"}"#,
        ours: r#"{"end":"error"}"#,
        right: Ours,
        why: "The word `null` is no reason to stop, so the turn was cut; genai reports no error.",
    },
    Difference {
        streams: &["case: truncated-usage-frame-behind-stop 1"],
        genai: r#"{"end":"error"}"#,
        ours: r#"{"end":"complete"}"#,
        right: Ours,
        why: "The turn is complete after its reason to stop, whatever follows; genai takes the frame for an error.",
    },
];
