//! Differences in the calls of a turn.

use super::Difference;
use super::Right::Ours;

pub(super) const CALLS: &[Difference] = &[
    Difference {
        streams: &["case: arguments-without-a-call 1"],
        genai: r#"{"calls":[["get_weather",{"location":"Paris"}],["",{"location":"Tokyo"}]],"end":"complete"}"#,
        ours: r#"{"calls":[],"end":"error"}"#,
        right: Ours,
        why: "No call lacks the second arguments, so a part of the answer is lost and the turn can't be trusted; \
            genai makes a call without a name of them.",
    },
    Difference {
        streams: &["case: arguments-on-another-index 1"],
        genai: r#"{"calls":[["get_weather",{}],["",{"location":"Paris"}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "The only call lacks its arguments, and they came under another index; genai makes a second call of \
            them, without a name.",
    },
    Difference {
        streams: &["case: arguments-on-another-index-of-two-calls 1"],
        genai: r#"{"calls":[["get_weather",{}],["get_weather","{\"location\": \"Tokyo\"}{\"location\": \"Paris\"}"]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}],["get_weather",{"location":"Tokyo"}]]}"#,
        right: Ours,
        why: "Behind complete arguments more can't follow, and the first call lacks some; genai joins the two to \
            a text that is no JSON.",
    },
    Difference {
        streams: &["case: arguments-on-another-item-responses 1"],
        genai: r#"{"calls":[["get_weather",{}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "The only call lacks its arguments, and they came under another item; genai leaves them out.",
    },
    Difference {
        streams: &["case: arguments-on-another-block-anthropic 1"],
        genai: r#"{"calls":[],"end":"error"}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]],"end":"complete"}"#,
        right: Ours,
        why: "The only call lacks its arguments, and they came after the end of its block; genai takes them for \
            text and fails.",
    },
    Difference {
        streams: &["case: call-repeated-gemini 1", "case: call-repeated-ollama 1"],
        genai: r#"{"calls":[["get_weather",{"location":"Paris"}],["get_weather",{"location":"Paris"}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "The same call was sent twice, under the same id or index; genai makes two of it, so that the tool \
            would run twice.",
    },
    Difference {
        streams: &["case: call-repeated-whole-in-the-last-chunk 1"],
        genai: r#"{"calls":[["get_weather","{\"location\": \"Paris\"}{\"location\": \"Paris\"}"]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "Arguments that repeat all that came before say nothing new; genai joins them to a text that is no \
            JSON.",
    },
    Difference {
        streams: &["case: name-in-every-chunk-without-index 1"],
        genai: r#"{"calls":[]}"#,
        ours: r#"{"calls":[["get_account",{}]]}"#,
        right: Ours,
        why: "Some compatible servers leave the index of a call out; genai loses the call.",
    },
    Difference {
        streams: &["case: two-parallel-calls-one-id-chat-without-index 1"],
        genai: r#"{"calls":[]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}],["get_weather",{"location":"Tokyo"}]]}"#,
        right: Ours,
        why: "Some compatible servers leave the index of a call out; genai loses both calls.",
    },
    Difference {
        streams: &["case: name-the-word-null-phantom-call 1"],
        genai: r#"{"calls":[["null",{"location":"Paris"}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "The call has its name already, and the word null stands for no name; genai takes it for the new \
            one.",
    },
    Difference {
        streams: &[
            "case: responses-items-begun-before-any-is-done 1",
            "case: responses-without-any-place-or-id 1",
            "case: responses-without-output-index 1",
        ],
        genai: r#"{"calls":[["get_weather",{"location":"Tokyo"}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}],["get_weather",{"location":"Tokyo"}]]}"#,
        right: Ours,
        why: "llama.cpp and others leave the output index out, and the items are distinguished by id or order; \
            genai takes each for the first, and the second call replaces it.",
    },
    Difference {
        streams: &["case: terminal-snapshot-two-calls-one-id 1"],
        genai: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}],["get_weather",{"location":"Tokyo"}]]}"#,
        right: Ours,
        why: "The list at the end holds a call that was not streamed; genai reads that list only where no call \
            was streamed.",
    },
    Difference {
        streams: &[
            "openai: a call cut by the limit",
            "openai-responses: a call cut by the limit",
            "anthropic: a call cut by the limit",
        ],
        genai: r#"{"calls":[["get_weather",{"location":"Tokyo"}],["get_weather","{\"location\":\"Pa"]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Tokyo"}]]}"#,
        right: Ours,
        why: "A call that the limit cuts off must not be made; genai gives it to its reader with half of its \
            arguments.",
    },
    Difference {
        streams: &[
            "case: short-key-in-the-reason-to-stop-anthropic 1",
            "case: short-key-in-the-reason-to-stop-chat 1",
        ],
        genai: r#"{"calls":[["get_weather","{\"loc"]]}"#,
        ours: r#"{"calls":[]}"#,
        right: Ours,
        why: "A call that the limit cuts off must not be made; genai gives it to its reader with half of its arguments.",
    },
    Difference {
        streams: &["case: anthropic-input-delta-object 1"],
        genai: r#"{"calls":[],"end":"error"}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]],"end":"complete"}"#,
        right: Ours,
        why: "Some servers send the arguments as an object where their text belongs; genai takes the frame for an error.",
    },
    Difference {
        streams: &["case: anthropic-server-tool-beside-call-without-arguments 1"],
        genai: r#"{"calls":[],"end":"error"}"#,
        ours: r#"{"calls":[["get_weather",{}]],"end":"complete"}"#,
        right: Ours,
        why: "A call that the provider makes by itself is not one of our tools; genai knows no such block and fails.",
    },
    Difference {
        streams: &["case: args-xml-garbage-behind 1"],
        genai: r#"{"calls":[["get_weather","{\"location\": \"Paris\"}</tool_call>"]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "The end of a tag after complete arguments is no argument; genai adds it to them.",
    },
    Difference {
        streams: &["case: chat-empty-object-then-whole-in-last-chunk 1"],
        genai: r#"{"calls":[["get_weather",{}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "The whole message at the end has the arguments that the deltas lack; genai reads deltas only.",
    },
    Difference {
        streams: &["case: empty-object-first-then-arguments 1"],
        genai: r#"{"calls":[["get_weather","{}{\"location\": \"Paris\"}"]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "Some servers send an empty object first and the arguments after it; genai joins both to what is no JSON.",
    },
    Difference {
        streams: &["case: extra-brace-behind 1"],
        genai: r#"{"calls":[["get_weather","{\"location\": \"Paris\"}}"]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "A bracket too many after complete arguments is no argument; genai adds it to them.",
    },
    Difference {
        streams: &[
            "case: phantom-arguments-empty-object 1",
            "case: phantom-gemini-empty-name 1",
            "case: phantom-gemini-empty-object 1",
            "case: phantom-id-without-name-empty-object 1",
            "case: phantom-id-without-name-nothing 1",
            "case: phantom-ollama-empty-name 1",
            "case: phantom-responses-empty-name 1",
        ],
        genai: r#"{"calls":[["",{}]]}"#,
        ours: r#"{"calls":[]}"#,
        right: Ours,
        why: "A call without a name and without arguments is no call; genai makes it.",
    },
    Difference {
        streams: &["case: phantom-chat-other-id-name-null 1", "case: phantom-chat-real-id-name-null 1"],
        genai: r#"{"calls":[["null",{"location":"Paris"}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "The word `null` is no name, and without name and arguments there is no call; genai makes one.",
    },
    Difference {
        streams: &["case: phantom-chat-second-empty-id 1", "case: phantom-chat-second-empty 1"],
        genai: r#"{"calls":[["get_weather",{"location":"Paris"}],["",{}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "The word `null` is no name, and without name and arguments there is no call; genai makes one.",
    },
    Difference {
        streams: &["case: phantom-none-args-none 1"],
        genai: r#"{"calls":[["None","{\"location\": \"Paris\"}None"]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "A call without a name and without arguments is no call; genai makes it.",
    },
    Difference {
        streams: &["case: phantom-second-call-null-null 1", "case: phantom-second-call-null-object 1"],
        genai: r#"{"calls":[["get_weather",{"location":"Paris"}],["null",{}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "A call without a name and without arguments is no call; genai makes it.",
    },
    Difference {
        streams: &[
            "case: responses-added-with-arguments-done-without 1",
            "case: responses-added-with-arguments-no-done 1",
            "case: responses-delta-object 1",
        ],
        genai: r#"{"calls":[["get_weather",{}]]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "Ids of items change from event to event and are names only; genai reads another call.",
    },
    Difference {
        streams: &["case: responses-item-id-is-call-id-in-delta 1"],
        genai: r#"{"calls":[]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}],["get_weather",{"location":"Tokyo"}]]}"#,
        right: Ours,
        why: "Ids of items change from event to event and are names only; genai reads another call.",
    },
    Difference {
        streams: &["case: responses-two-versions-closed 1"],
        genai: r#"{"calls":[["get_weather",{"location":"Tokyo"}]],"end":"complete"}"#,
        ours: r#"{"calls":[],"end":"error"}"#,
        right: Ours,
        why: "Ids of items change from event to event and are names only; genai reads another call.",
    },
    Difference {
        streams: &["case: calls-in-a-choice-of-the-same-index 1"],
        genai: r#"{"calls":[],"text":""}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]],"text":"Let me look."}"#,
        right: Ours,
        why: "The choices are whole messages in a stream, and both are of the index 0; genai reads deltas only.",
    },
    Difference {
        streams: &["case: calls-in-both-choices 1"],
        genai: r#"{"calls":[["get_weather","{\"location\": \"Rome\"}{\"location\": \"Paris\"}"]],"text":"Let me look.Or so."}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]],"text":"Let me look."}"#,
        right: Ours,
        why: "The second choice is an alternative; genai mixes its text and its arguments with those of the first.",
    },
    Difference {
        streams: &[
            "case: function-call-of-before-tools 1",
            "case: tool-calls-as-one-object 1",
            "case: tool-calls-as-one-object-ollama 1",
        ],
        genai: r#"{"calls":[]}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]]}"#,
        right: Ours,
        why: "The call comes in an older form, or without its list; genai does not read it and loses it.",
    },
    Difference {
        streams: &["case: surrogate-pair-over-two-deltas-with-reasoning-details 1"],
        genai: r#"{"calls":[],"end":"error","reasoning":""}"#,
        ours: r#"{"calls":[["get_weather",{"location":"Paris"}]],"end":"complete","reasoning":"a😀b"}"#,
        right: Ours,
        why: "Some servers cut the two halves of a character over two deltas; genai takes a frame with a half for no JSON.",
    },
];
