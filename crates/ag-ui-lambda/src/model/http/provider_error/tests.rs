//! Errors of many servers are read, and differ from parts of an answer.

use serde_json::json;

use super::*;

#[test]
fn an_error_is_read_in_every_known_form() {
    let inner = json!({ "error": { "code": 400, "message": "too odd", "type": "odd_error" } });
    for (why, body, status, words, message) in [
        ("openai", json!({"error":{"type":"t","code":"c","message":"m"}}), None, vec!["t", "c"], "m"),
        ("llama.cpp", json!({"error":{"type":"t","code":500,"message":"m"}}), Some(500), vec!["t"], "m"),
        ("a number as text", json!({"error":{"code":"400","message":"m"}}), Some(400), vec![], "m"),
        (
            "vllm",
            json!({"object":"error","type":"BadRequestError","code":400,"message":"m"}),
            Some(400),
            vec!["BadRequestError"],
            "m",
        ),
        ("ollama", json!({"error":"m"}), None, vec![], "m"),
        ("tgi", json!({"error":"m","error_type":"validation"}), None, vec!["validation"], "m"),
        ("fastapi", json!({"detail":"m"}), None, vec![], "m"),
        (
            "fastapi's list, without what was sent",
            json!({"detail":[
                {"type":"t","loc":["body","messages",0],"msg":"m","input":"secret"},
                {"msg":"n","loc":[]},
            ]}),
            None,
            vec![],
            "body.messages.0: m; n",
        ),
        ("koboldcpp", json!({"detail":{"msg":"m","type":"t"}}), None, vec![], "m"),
        ("a list", json!({"error":[{"message":"m","type":"t"}]}), None, vec!["t"], "m"),
        ("a flag", json!({"error":true,"message":"m","code":"c"}), None, vec!["c"], "m"),
        ("dashscope", json!({"code":"c","message":"m","request_id":"r"}), None, vec!["c"], "m"),
        ("baidu", json!({"error_code":336103,"error_msg":"m"}), None, vec![], "m"),
        (
            "minimax",
            json!({"base_resp":{"status_code":1004,"status_msg":"m"},"choices":null}),
            None,
            vec!["authentication"],
            "m",
        ),
        ("an empty error beside a message", json!({"error":{"code":null},"message":"m"}), None, vec![], "m"),
        ("cloudflare", json!({"errors":[{"code":7009,"message":"m"}],"success":false}), None, vec![], "m"),
        ("gemini", json!([{"error":{"code":400,"status":"S","message":"m"}}]), Some(400), vec!["S"], "m"),
        (
            "openrouter",
            json!({"error":{"code":400,"message":"m","metadata":{"raw":"odd"}}}),
            Some(400),
            vec![],
            "m: odd",
        ),
        (
            "openrouter, with the provider's JSON as text",
            json!({"error":{"code":502,"message":"m","metadata":{"raw":inner.to_string()}}}),
            Some(502),
            vec!["odd_error"],
            "m: too odd",
        ),
        (
            "openrouter, with the provider's JSON",
            json!({"error":{"message":"m","metadata":{"raw":inner}}}),
            Some(400),
            vec!["odd_error"],
            "m: too odd",
        ),
        (
            "openrouter, with a list of the provider's errors",
            json!({"error":{"message":"m","metadata":{"raw":[inner]}}}),
            Some(400),
            vec!["odd_error"],
            "m: too odd",
        ),
        (
            "openrouter, with a list of texts",
            json!({"error":{"message":"m","metadata":{"raw":["odd"]}}}),
            None,
            vec![],
            "m: odd",
        ),
        (
            "openrouter, with a list as text",
            json!({"error":{"message":"m","metadata":{"raw":json!([inner]).to_string()}}}),
            Some(400),
            vec!["odd_error"],
            "m: too odd",
        ),
        (
            "a runner's error as text",
            json!({"error":inner.to_string()}),
            Some(400),
            vec!["odd_error"],
            "too odd",
        ),
        (
            "a message that is an error",
            json!({"error":{"message":inner.to_string()}}),
            Some(400),
            vec!["odd_error"],
            "too odd",
        ),
    ] {
        let result = ProviderError::from_json(&body);
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        assert_eq!((result.status, result.codes, result.message.as_str()), (status, words, message), "{why}");
    }
}

#[test]
fn error_frames_differ_from_parts_of_an_answer() {
    for error in [
        json!({"error":"m"}),
        json!({"error":{"message":"m"}}),
        json!({"error":[{"message":"m"}]}),
        json!({"error":true,"message":"m"}),
        json!({"errors":[{"message":"m"}]}),
        json!({"detail":"m"}),
        json!({"detail":[{"msg":"m"}]}),
        json!({"object":"error","message":"m"}),
        json!({"object":"error","message":"m","type":"invalid_request_message_order","code":"3051"}),
        json!({"type":"error","message":"m"}),
        json!({"type":"invalid_request_error","message":"m"}),
        json!({"code":"InvalidParameter","message":"m"}),
        json!({"code":1,"msg":"m"}),
        json!({"code":1,"message":"m","choices":[],"output":null}),
        json!({"status":"error","message":"m"}),
        json!({"success":false,"message":"m"}),
        json!({"type":"about:blank","status":400,"detail":"m"}),
        json!({"error_code":336103,"error_msg":"m"}),
        json!({"base_resp":{"status_code":1004,"status_msg":"m"},"choices":null}),
        json!({"choices":[{"delta":{},"error":{"message":"m"}}]}),
        json!({"choices":[{"delta":{}}],"error":{"message":"m"}}),
    ] {
        assert_eq!(ProviderError::from_frame(&error).expect("an error is read").message, "m", "{error}");
    }
    let choices = json!([{ "delta": { "content": "Hi" } }]);
    for answer in [
        json!({"choices":choices,"error":[]}),
        json!({"choices":choices,"error":{"message":null,"code":null,"type":null}}),
        json!({"choices":choices,"error":{"message":"","code":0}}),
        json!({"choices":choices,"error":{}}),
        json!({"choices":choices,"error":false}),
        json!({"choices":choices,"code":0,"message":""}),
        json!({"choices":choices,"code":200,"message":"OK"}),
        json!({"choices":choices,"detail":"verbose"}),
        json!({"choices":choices,"base_resp":{"status_code":0,"status_msg":"success"}}),
        json!({"choices":[],"usage":{}}),
        json!({"candidates":[{"index":0,"content":{"role":"model"}}],"code":1,"message":"m"}),
        json!({"type":"content_block_delta","detail":"m"}),
        json!({"type":"response.created","response":{},"error":null}),
        json!({"type":"ping","message":"m"}),
        json!({"message":{"content":"Hi"},"code":7}),
        json!({"code":0,"message":"OK"}),
        json!({"status":"queued","message":"m"}),
        json!({}),
    ] {
        assert_eq!(ProviderError::from_frame(&answer), None, "{answer}");
    }
}

#[test]
fn nested_errors_are_limited_and_pages_are_ignored() {
    let mut text = "m".to_owned();
    for _ in 0..9 {
        text = json!({ "error": text }).to_string();
    }
    assert!(ProviderError::from_body(text.as_bytes()).message.starts_with('{'));
    assert_eq!(ProviderError::from_body(b"<html>no").message, "");
    assert_eq!(ProviderError::from_body(b" prompt is too long\n").message, "prompt is too long");
}
