//! Differences in the text and the reasoning of a turn.

use super::Difference;
use super::Right::Ours;

pub(super) const TEXT: &[Difference] = &[
    Difference {
        streams: &["case: extra-content-marks-a-thought 1"],
        genai: r#"{"reasoning":"","text":"Hm.Hello."}"#,
        ours: r#"{"reasoning":"Hm.","text":"Hello."}"#,
        right: Ours,
        why: "Google's endpoint sends thoughts as content that a member beside it marks; genai does not read the \
            mark and shows the thought as the answer.",
    },
    Difference {
        streams: &["case: gemini-stop-in-every-frame-then-a-pause 1"],
        genai: r#"{"text":"Hello "}"#,
        ours: r#"{"text":"Hello there you."}"#,
        right: Ours,
        why: "Some servers repeat the reason to stop in every frame; genai ends the turn at the first one and \
            loses the text after it.",
    },
    Difference {
        streams: &["case: gemini-stop-stamped-early-then-pause 1"],
        genai: r#"{"text":""}"#,
        ours: r#"{"text":"hello"}"#,
        right: Ours,
        why: "A reason to stop came before anything was said; genai ends the turn there and loses all of the \
            text.",
    },
    Difference {
        streams: &["case: stopped-for-calls-without-a-call-anthropic 1"],
        genai: r#"{"text":""}"#,
        ours: r#"{"text":"Hello."}"#,
        right: Ours,
        why: "The start of a block may hold text already; genai reads that of thinking and not that of text.",
    },
    Difference {
        streams: &["case: surrogate-pair-over-two-deltas 1"],
        genai: r#"{"end":"error","text":"Nice "}"#,
        ours: r#"{"end":"complete","text":"Nice 😀 day"}"#,
        right: Ours,
        why: "Some servers cut the two halves of a character over two deltas; genai takes a frame with a half \
            for no JSON.",
    },
    Difference {
        streams: &[
            "case: surrogate-pair-over-two-deltas-gemini 1",
            "case: surrogate-pair-over-two-deltas-ollama 1",
        ],
        genai: r#"{"end":"error","text":""}"#,
        ours: r#"{"end":"complete","text":"Nice 😀 day"}"#,
        right: Ours,
        why: "Some servers cut the two halves of a character over two deltas; genai takes a frame with a half for no JSON.",
    },
    Difference {
        streams: &["case: surrogate-pair-over-two-deltas-anthropic 1"],
        genai: r#"{"end":"no end","text":""}"#,
        ours: r#"{"end":"complete","text":"Nice 😀 day"}"#,
        right: Ours,
        why: "genai leaves frames with half of a character out on this wire, and reports no end.",
    },
    Difference {
        streams: &["case: surrogate-pair-over-two-deltas-responses 1"],
        genai: r#"{"end":"no reason","text":""}"#,
        ours: r#"{"end":"complete","text":"Nice 😀 day"}"#,
        right: Ours,
        why: "genai leaves frames with half of a character out on this wire, and makes up an end.",
    },
    Difference {
        streams: &["case: lone-surrogate-at-the-end-of-a-turn 1"],
        genai: r#"{"end":"error","text":""}"#,
        ours: r#"{"end":"complete","text":"Hi �"}"#,
        right: Ours,
        why: "Half of a character that nothing follows is U+FFFD; genai takes its frame for no JSON.",
    },
    Difference {
        streams: &["case: anthropic-server-tool-use-unasked 1"],
        genai: r#"{"end":"error","text":""}"#,
        ours: r#"{"end":"complete","text":"Hello."}"#,
        right: Ours,
        why: "A call that the provider makes by itself is not one of our tools; genai knows no such block and fails.",
    },
    Difference {
        streams: &["case: no-reason-unspecified-then-pause 1"],
        genai: r#"{"end":"other","text":"Hel"}"#,
        ours: r#"{"end":"complete","text":"Hello."}"#,
        right: Ours,
        why: "The word says that there is no reason to stop yet; genai ends the turn there and loses the rest.",
    },
    Difference {
        streams: &["case: ping-data-not-json 1"],
        genai: r#"{"end":"error","text":""}"#,
        ours: r#"{"end":"complete","text":"Hello."}"#,
        right: Ours,
        why: "A ping is no frame; genai takes it for an error.",
    },
    Difference {
        streams: &["case: surrogate-pair-over-two-deltas-with-extra-content 1"],
        genai: r#"{"end":"error","text":""}"#,
        ours: r#"{"end":"complete","text":"a😀b"}"#,
        right: Ours,
        why: "Some servers cut the two halves of a character over two deltas; genai takes a frame with a half for no JSON.",
    },
    Difference {
        streams: &["case: complete-output-repeated-responses 1"],
        genai: r#"{"reasoning":"One.Two."}"#,
        ours: r#"{"reasoning":"One.\n\nTwo."}"#,
        right: Ours,
        why: "The parts of a summary are paragraphs; genai joins them without a break.",
    },
    Difference {
        streams: &["case: answer-in-lines-of-json-chat 1"],
        genai: r#"{"end":"no end","text":""}"#,
        ours: r#"{"end":"complete","text":"Hello."}"#,
        right: Ours,
        why: "The frames are lines of JSON in place of events; genai finds no event in them.",
    },
    Difference {
        streams: &["case: whole-answer-on-many-lines-ollama 1"],
        genai: r#"{"end":"error","text":""}"#,
        ours: r#"{"end":"complete","text":"Hello."}"#,
        right: Ours,
        why: "The answer is one JSON text on many lines; genai takes each line for a frame, and the first is no JSON.",
    },
    Difference {
        streams: &[
            "case: content-as-a-list-of-texts 1",
            "case: content-as-an-object 1",
            "case: content-in-message-start-anthropic 1",
            "case: text-only-in-its-done-event-responses 1",
            "case: text-only-in-its-item-responses 1",
        ],
        genai: r#"{"text":""}"#,
        ours: r#"{"text":"Hello."}"#,
        right: Ours,
        why: "The text comes in another form or another place than usual; genai does not read it there and loses it.",
    },
    Difference {
        streams: &["case: second-message-only-in-the-snapshot-responses 1"],
        genai: r#"{"text":"One. "}"#,
        ours: r#"{"text":"One. Two."}"#,
        right: Ours,
        why: "The second message is not streamed and comes with the list of all items only; genai loses it.",
    },
    Difference {
        streams: &["case: extra-content-signs-a-thought 1"],
        genai: r#"{"reasoning":"","text":"Hm."}"#,
        ours: r#"{"reasoning":"Hm.","text":""}"#,
        right: Ours,
        why: "Google's endpoint sends thoughts as content that a member beside it marks; genai does not read the mark and shows the thought as the answer.",
    },
    Difference {
        streams: &[
            "case: reasoning-delta-of-older-servers-responses 1",
            "case: reasoning-in-a-summary-of-the-details-alone 1",
            "case: reasoning-in-the-details-alone 1",
            "case: reasoning-in-the-member-reasoning-ollama 1",
            "case: reasoning-in-the-member-reasoning-text 1",
            "case: reasoning-in-the-member-thinking 1",
            "case: reasoning-in-the-member-thought 1",
            "case: reasoning-only-in-its-item-responses 1",
        ],
        genai: r#"{"reasoning":""}"#,
        ours: r#"{"reasoning":"hm"}"#,
        right: Ours,
        why: "The reasoning comes in a member, an event or an item that genai does not read.",
    },
];
