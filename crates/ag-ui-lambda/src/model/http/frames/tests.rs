use super::*;

/// Returns the complete frames of a response that comes in these chunks.
fn complete_frames(framing: Framing, chunks: &[&[u8]]) -> Vec<String> {
    let mut frames = FrameReader::new(framing);
    let mut all = Vec::new();
    for chunk in chunks {
        frames.push(chunk).unwrap();
        all.extend(std::iter::from_fn(|| frames.next()).map(|frame| String::from_utf8(frame).unwrap()));
    }
    all
}

#[test]
fn events_are_read_in_any_pieces_and_with_any_line_break() {
    let text = "\u{feff}event: a\ndata: {\"x\":\ndata: 1}\n\n: still here\n\nid: 7\ndata:[DONE]\n\ndata: cut";
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        for size in 1..text.len() {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            assert_eq!(complete_frames(Framing::Events, &chunks), ["{\"x\":\n1}", "[DONE]"], "{size}");
        }
    }
}

#[test]
fn an_error_in_any_field_becomes_a_frame() {
    for (text, expected) in [
        ("error: {\"code\":400}\n\n", r#"{"error":{"code":400}}"#),
        ("error: {\"error\":{\"code\":400}}\n\n", r#"{"error":{"code":400}}"#),
        ("error: too long\n\n", r#"{"error":"too long"}"#),
        ("event: error\ndata: {\"code\":400}\n\n", r#"{"error":{"code":400}}"#),
        ("data: no\nevent: error\n\n", r#"{"error":"no"}"#),
        ("event: error\ndata: {\"type\":\"error\",\"code\":1}\n\n", r#"{"type":"error","code":1}"#),
        (": hi\n\n{\"error\":{\"code\":400}}\n", r#"{"error":{"code":400}}"#),
    ] {
        assert_eq!(complete_frames(Framing::Events, &[text.as_bytes()]), [expected], "{text}");
    }
    assert_eq!(complete_frames(Framing::Events, &[b": hi\n{\"a\":1}\nevent: error\n\ndata: 1\n\n"]), ["1"]);
}

#[test]
fn a_body_of_json_is_one_frame() {
    let texts = ["{\"error\":\n\n{\"code\":400}}", "\n[{\"a\":1},\n{\"a\":2}]", "\u{feff}{\"a\":1}"];
    for (text, framing) in
        texts.into_iter().flat_map(|text| [(text, Framing::Events), (text, Framing::Lines)])
    {
        for size in 1..text.len() {
            let mut frames = FrameReader::new(framing);
            for chunk in text.as_bytes().chunks(size) {
                frames.push(chunk).unwrap();
                assert_eq!(frames.next(), None);
            }
            let frame = frames.finish().unwrap();
            assert_eq!(
                serde_json::from_slice::<Value>(&frame).unwrap(),
                serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')).unwrap(),
            );
            assert_eq!(frames.finish(), None);
        }
    }
}

#[test]
fn json_documents_are_frames_as_soon_as_they_end() {
    for framing in [Framing::Events, Framing::Lines] {
        for (text, expected, left) in [
            ("{\"a\":1}\n\n[2]\r\n[DONE]\n", vec!["{\"a\":1}", "[2]", "[DONE]"], vec![]),
            ("{\n \"a\":\n 1\n}\n{\"a\":2}\n", vec!["{\n \"a\":\n 1\n}", "{\"a\":2}"], vec![]),
            (" {\"a\":1}\n {\"a\":2}", vec![], vec![" {\"a\":1}", "\n {\"a\":2}\n\n"]),
            ("{\"a\":1}\n{\"a\":", vec!["{\"a\":1}"], vec!["{\"a\":\n\n"]),
        ] {
            let mut frames = FrameReader::new(framing);
            frames.push(text.as_bytes()).unwrap();
            let texts = |frame: Vec<u8>| String::from_utf8(frame).unwrap();
            let complete: Vec<String> = std::iter::from_fn(|| frames.next()).map(texts).collect();
            let rest: Vec<String> = std::iter::from_fn(|| frames.finish()).map(texts).collect();
            assert_eq!(
                (complete, rest),
                (
                    expected.iter().map(ToString::to_string).collect(),
                    left.iter().map(ToString::to_string).collect()
                ),
                "{text}"
            );
        }
    }
}

#[test]
fn a_short_plain_text_body_is_an_error() {
    let rest = |framing, text: &str| {
        let mut frames = FrameReader::new(framing);
        frames.push(text.as_bytes()).unwrap();
        while let Some(frame) = frames.next() {
            assert!(!frame.starts_with(b"{\"error\""), "{text}");
        }
        frames.finish().map(|frame| String::from_utf8(frame).unwrap())
    };
    let long = "word ".repeat(101) + "\n";
    for framing in [Framing::Events, Framing::Lines] {
        for (text, error) in [
            ("prompt is too long", Some(r#"{"error":"prompt is too long"}"#)),
            ("\n\"prompt is too long\"\r\n\n", Some(r#"{"error":"prompt is too long"}"#)),
            ("Error:\nno room\n", Some(r#"{"error":"Error:\nno room"}"#)),
            ("<html>\nno\n</html>", None),
            (&long, None),
            ("", None),
        ] {
            assert_eq!(rest(framing, text).as_deref(), error, "{framing:?} {text}");
        }
    }
    for text in ["data: 1\n\nprompt is too long", "junk\ndata: 1\n\n", ": hi\nid: 1\n\n", ": hi\n{\"a\":1}\n"]
    {
        assert_eq!(rest(Framing::Events, text), None, "{text}");
    }
}

#[test]
fn lines_are_read_in_any_pieces() {
    let text = "{\"a\":1}\r\n\n  \n{\"b\":2}\n{\"cut";
    for size in 1..text.len() {
        let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        assert_eq!(complete_frames(Framing::Lines, &chunks), ["{\"a\":1}", "{\"b\":2}"], "{size}");
    }
}

#[test]
fn an_unfinished_frame_is_returned_once_at_the_end() {
    for (framing, text) in [(Framing::Events, "data: [DONE]"), (Framing::Lines, "[DONE]")] {
        let mut frames = FrameReader::new(framing);
        frames.push(text.as_bytes()).unwrap();
        assert_eq!(frames.next(), None);
        assert_eq!(frames.finish().as_deref(), Some(&b"[DONE]"[..]));
        assert_eq!(frames.finish(), None);
    }
}

#[test]
fn the_size_limit_is_for_frames_and_not_for_streams() {
    let mut endless = FrameReader::new(Framing::Events);
    let piece = vec![b'x'; 64 * 1024];
    let pushed = (0..100).take_while(|_| endless.push(&piece).is_ok()).count();
    assert_eq!(pushed, MAX_FRAME / piece.len() + 1);

    let mut lines_of_one_event = FrameReader::new(Framing::Events);
    let piece = [b"data: ", &piece[..], b"\n"].concat();
    let pushed = (0..100)
        .take_while(|_| {
            let is_taken = lines_of_one_event.push(&piece).is_ok();
            assert_eq!(lines_of_one_event.next(), None);
            is_taken
        })
        .count();
    assert!((60..70).contains(&pushed), "{pushed}");

    let mut long_stream = FrameReader::new(Framing::Lines);
    for _ in 0..200 {
        long_stream.push(&piece).unwrap();
        assert!(long_stream.next().is_some());
    }
}
