//! The stream of a run: its headers, its events, and when they arrive.

use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::Value;

use super::report::Finding;

/// Events between which less time lies may have been sent together.
const TOGETHER: Duration = Duration::from_millis(20);

/// The events of a run.
pub(super) struct EventStream {
    /// Each event, and when it arrived, counted from the head of the response.
    events: Vec<(Duration, Value)>,
    /// Why the stream broke off.
    broken: Option<String>,
}

impl EventStream {
    /// Reads the events of a response until its end, or until there was none for the time `silence`.
    pub(super) async fn read(mut response: reqwest::Response, silence: Duration) -> Self {
        let started = Instant::now();
        let (mut events, mut text) = (Vec::new(), Vec::new());
        let broken = loop {
            let last = events.last().map_or(Duration::ZERO, |(at, _): &(Duration, Value)| *at);
            let silent = (started + last + silence).saturating_duration_since(Instant::now());
            match tokio::time::timeout(silent, response.chunk()).await {
                Err(_) => break Some(format!("no event came for {} s", silence.as_secs_f32())),
                Ok(Ok(None)) => break None,
                Ok(Err(error)) => break Some(error.to_string()),
                Ok(Ok(Some(chunk))) => text.extend_from_slice(&chunk),
            }
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                if let Some(data) = line.strip_prefix(b"data:")
                    && let Ok(event) = serde_json::from_slice(data)
                {
                    events.push((started.elapsed(), event));
                }
            }
        };
        Self { events, broken }
    }

    /// Returns the type of the last event.
    pub(super) fn last_type(&self) -> Option<&str> {
        self.events.last()?.1["type"].as_str()
    }

    /// Checks that the run has ended well. `log` says how the log of the function is read.
    pub(super) fn check_end(&self, log: &str) -> Finding {
        const CHECK: &str = "run";
        let error = self.events.iter().map(|(_, event)| event).find(|event| event["type"] == "RUN_ERROR");
        if let Some(error) = error {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            let (code, message) = (text("code"), text("message"));
            let fix = match code.as_str() {
                "MODEL_MISCONFIGURED" => {
                    format!(
                        "the provider refuses the key, the model or the role. The groups Secrets and Model may show it; {log}"
                    )
                }
                "MODEL_THROTTLED" => {
                    "the provider limits how much this account may ask: wait, or ask it for a higher quota"
                        .to_owned()
                }
                _ => log.to_owned(),
            };
            return Finding::failed(CHECK, format!("the run has failed: {code}: {message}"), fix);
        }
        match (self.last_type(), &self.broken) {
            (Some("RUN_FINISHED"), _) => {
                let after = self.events.last().map(|(at, _)| *at).unwrap_or_default();
                Finding::ok(
                    CHECK,
                    format!(
                        "RUN_FINISHED after {:.1} s and {} events",
                        after.as_secs_f64(),
                        self.events.len()
                    ),
                )
            }
            (last, broken) => {
                let why = broken.as_deref().map(|broken| format!(" ({broken})")).unwrap_or_default();
                let last = last.unwrap_or("no event at all");
                Finding::failed(CHECK, format!("the stream ended before its end, with {last}{why}"), log)
            }
        }
    }

    /// Checks that the events arrive one after the other. `head` is the head of the response: one that is sent in one piece
    /// has a length.
    pub(super) fn check_pieces(&self, head: &HeaderMap) -> Finding {
        const CHECK: &str = "streams";
        let (Some((first, _)), Some((last, _))) = (self.events.first(), self.events.last()) else {
            return Finding::skipped(CHECK, "there were no events");
        };
        let fix = "set InvokeMode: RESPONSE_STREAM of the URL (responseTransferMode: STREAM of a REST API), remove AGUI_RESPONSE_MODE=buffered, and switch buffering off in proxies in front of it (nginx: proxy_buffering off)";
        if head.contains_key(CONTENT_LENGTH) {
            return Finding::failed(CHECK, "the response came in one piece, with a content-length", fix);
        }
        let between = *last - *first;
        match between >= TOGETHER {
            true => Finding::ok(
                CHECK,
                format!("the events came one after the other, over {} ms", between.as_millis()),
            ),
            // A script without pauses is that fast as well.
            false if self.is_scripted() => Finding::skipped(
                CHECK,
                "the demo script answers too fast to see it; AGUI_SCRIPTED_DELAY_MS=30 in template.yaml slows it down",
            ),
            false => Finding::failed(CHECK, "all events came at the same moment, at the end of the run", fix),
        }
    }

    /// Whether the text says that it is that of the script.
    fn is_scripted(&self) -> bool {
        let deltas = self.events.iter().filter_map(|(_, event)| event["delta"].as_str());
        deltas.collect::<String>().contains("not a language model")
    }
}

/// Checks the headers that keep proxies from holding a stream back.
pub(super) fn check_headers(head: &HeaderMap) -> Finding {
    const CHECK: &str = "headers";
    let text = |name: &str| {
        head.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
    };
    if !text(CONTENT_TYPE.as_str()).starts_with("text/event-stream") {
        let problem = format!("content-type is {:?} and not text/event-stream", text(CONTENT_TYPE.as_str()));
        return Finding::failed(
            CHECK,
            problem,
            "something in front of the function answers in its place: compare the URL with the output Url of the stack",
        );
    }
    let encoding = text(CONTENT_ENCODING.as_str());
    if !encoding.is_empty() && encoding != "identity" {
        let problem =
            format!("the stream is compressed ({encoding}), so events are held back until a block is full");
        return Finding::failed(
            CHECK,
            problem,
            "switch compression off for text/event-stream in what is in front of the function (CloudFront: Compress: false)",
        );
    }
    for (name, wanted) in [(CACHE_CONTROL.as_str(), "no-transform"), ("x-accel-buffering", "no")] {
        if !text(name).contains(wanted) {
            let problem = format!(
                "the header {name} does not have {wanted}, which keeps proxies from holding the stream back"
            );
            return Finding::failed(
                CHECK,
                problem,
                "something in front of the function changes the headers of responses",
            );
        }
    }
    Finding::ok(CHECK, "text/event-stream, not compressed, and proxies are asked not to hold it back")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use ag_ui_dev::loopback::Loopback;
    use bytes::Bytes;
    use http::Response;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use serde_json::json;

    use super::super::report::Outcome;
    use super::*;

    /// Returns a stream with these types of events and the milliseconds at which they arrived.
    fn stream(events: &[(u64, &str)]) -> EventStream {
        let event = |(at, kind): &(u64, &str)| (Duration::from_millis(*at), json!({ "type": kind }));
        EventStream { events: events.iter().map(event).collect(), broken: None }
    }

    /// Fails unless the finding is ok (`None`), or failed with this text.
    #[track_caller]
    fn assert_found(why: &str, finding: Finding, expected: Option<&str>) {
        match (finding.outcome, expected) {
            (Outcome::Ok(_), None) => {}
            (Outcome::Failed { problem, .. }, Some(expected)) => {
                assert!(problem.contains(expected), "{why}: {problem}");
            }
            (outcome, _) => panic!("{why}: {outcome:?}"),
        }
    }

    #[test]
    fn run_must_end_with_run_finished() {
        assert_found(
            "complete",
            stream(&[(0, "RUN_STARTED"), (9, "RUN_FINISHED")]).check_end("its log"),
            None,
        );
        assert_found("cut", stream(&[(0, "RUN_STARTED")]).check_end("its log"), Some("with RUN_STARTED"));
        assert_found("empty", stream(&[]).check_end("its log"), Some("no event at all"));
        let mut failed = stream(&[(0, "RUN_STARTED"), (9, "RUN_ERROR")]);
        failed.events[1].1["code"] = "MODEL_MISCONFIGURED".into();
        assert_found("an error", failed.check_end("its log"), Some("MODEL_MISCONFIGURED"));
    }

    #[tokio::test]
    async fn run_that_sends_only_comments_is_given_up() {
        let comment = |()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(": still here\n\n"))), ()))
        };
        let respond = move |_| async move {
            Ok::<_, Infallible>(Response::new(StreamBody::new(futures_util::stream::unfold((), comment))))
        };
        let endpoint = Loopback::serve(respond).unwrap();
        let response = reqwest::get(endpoint.url()).await.unwrap();

        let events = EventStream::read(response, Duration::from_millis(50)).await;

        assert_found("silent", events.check_end("its log"), Some("no event came for 0.05 s"));
    }

    #[test]
    fn events_must_come_one_after_the_other() {
        let length = HeaderMap::from_iter([(CONTENT_LENGTH, "9".parse().unwrap())]);
        let events = [(0, "RUN_STARTED"), (500, "RUN_FINISHED")];
        assert_found("one by one", stream(&events).check_pieces(&HeaderMap::new()), None);
        assert_found("with a length", stream(&events).check_pieces(&length), Some("in one piece"));
        let together = [(500, "RUN_STARTED"), (500, "RUN_FINISHED")];
        assert_found("held back", stream(&together).check_pieces(&HeaderMap::new()), Some("same moment"));
        let mut script = stream(&together);
        script.events[0].1["delta"] = "I am a script and not a language model.".into();
        assert!(matches!(script.check_pieces(&HeaderMap::new()).outcome, Outcome::Skipped(_)));
    }

    #[test]
    fn headers_must_keep_proxies_from_buffering() {
        let head = |changed: &'static str, value: &str| {
            let usual = [
                ("content-type", "text/event-stream"),
                ("cache-control", "no-cache, no-transform"),
                ("x-accel-buffering", "no"),
            ];
            let mut head = HeaderMap::new();
            for (name, usual) in usual {
                head.insert(name, usual.parse().unwrap());
            }
            head.insert(changed, value.parse().unwrap());
            head
        };
        assert_found("usual", check_headers(&head("x-other", "a")), None);
        for (name, value, problem) in [
            ("content-type", "application/json", "content-type is"),
            ("content-encoding", "gzip", "compressed (gzip)"),
            ("cache-control", "no-cache", "cache-control"),
            ("x-accel-buffering", "yes", "x-accel-buffering"),
        ] {
            assert_found(name, check_headers(&head(name, value)), Some(problem));
        }
    }
}
