//! Puts JSON texts into a request of the SDK as they are.
//!
//! The SDK takes the arguments of calls and the schemas of tools only as `Document`, a tree that is a hundred times as large in
//! memory as its text and keeps the members of objects in a random order. So the request gets a marker in each of these
//! places, and the texts replace the markers in the body that the SDK has written. The order of members is then always the
//! same, which the provider's prompt cache requires.

use aws_sdk_bedrockruntime::config::http::HttpRequest;
use aws_smithy_types::Document;
use aws_smithy_types::body::SdkBody;

/// The JSON texts of one request, in place of which it has markers.
#[derive(Debug)]
pub(super) struct RawJson {
    /// What all markers of the request begin with. It is random, so that no text of a user can contain it.
    prefix: String,
    texts: Vec<String>,
}

impl RawJson {
    /// Starts without texts.
    pub(super) fn new() -> Self {
        Self { prefix: format!("raw-json-{:016x}-", fastrand::u64(..)), texts: Vec::new() }
    }

    /// Adds a JSON text, and returns the marker that stands in its place until [`insert`](Self::insert).
    pub(super) fn add(&mut self, json: impl Into<String>) -> Document {
        self.texts.push(json.into());
        Document::String(format!("{}{}", self.prefix, self.texts.len() - 1))
    }

    /// Replaces the markers in the body of a request by their texts.
    pub(super) fn insert(&self, request: &mut HttpRequest) {
        let Some(body) = request.body().bytes().and_then(|body| std::str::from_utf8(body).ok()) else {
            return;
        };
        let body = self.inserted(body);
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
    }

    /// Returns the JSON text `body` with the texts in place of the markers, which are strings.
    fn inserted(&self, body: &str) -> String {
        let marker = format!("\"{}", self.prefix);
        let mut inserted =
            String::with_capacity(body.len() + self.texts.iter().map(String::len).sum::<usize>());
        let mut rest = body;
        while let Some((before, after)) = rest.split_once(&marker) {
            let Some((index, after)) = after.split_once('"') else { break };
            inserted.push_str(before);
            inserted.push_str(
                index
                    .parse()
                    .ok()
                    .and_then(|index: usize| self.texts.get(index))
                    .map_or("{}", String::as_str),
            );
            rest = after;
        }
        inserted.push_str(rest);
        inserted
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_take_the_places_of_their_markers() {
        let mut raw = RawJson::new();
        let mut marker = |text: &str| raw.add(text).as_string().map(ToOwned::to_owned);
        let (first, second) = (marker(r#"{"b":1,"a":2}"#), marker("{}"));
        let body = json!({ "x": [second, "raw-json-1"], "y": first }).to_string();

        assert_eq!(raw.inserted(&body), r#"{"x":[{},"raw-json-1"],"y":{"b":1,"a":2}}"#);
    }
}
