//! The fixed files of the page. They are a part of the program, so nothing has to be installed.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Response};

/// The content security policy: only own files, no inline script, and no other page may put this one into a frame.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; object-src 'none'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Lists files of the page, each with its text.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../page/", $name)))),*]
    };
}

/// All files of the page, with their names.
const FILES: &[(&str, &str)] = files![
    "api.js",
    "caller-view.js",
    "caller.js",
    "changes.js",
    "chat-view.js",
    "chunks.js",
    "composer.js",
    "content-view.js",
    "conversation.js",
    "dom.js",
    "faults-view.js",
    "format.js",
    "frames-view.js",
    "frontend-tools.js",
    "index.html",
    "key-form.js",
    "log-view.js",
    "main.js",
    "markdown-view.js",
    "markdown.js",
    "message-view.js",
    "page.css",
    "patch.js",
    "prompts.js",
    "request-view.js",
    "resume.js",
    "run.js",
    "runs-view.js",
    "schema-fields.js",
    "schema-form.js",
    "sse.js",
    "state-view.js",
    "storage.js",
    "tabs.js",
    "thread.js",
    "tool-card.js",
    "tools-view.js",
    "waiting-view.js",
];

/// Returns the response with the file of the page that this path names: `/`, or `/_dev/` and the name of the file. Returns
/// `None` if there is no such file.
pub(super) fn file(path: &str) -> Option<Response<Bytes>> {
    let name = if path == "/" { "index.html" } else { path.strip_prefix("/_dev/")? };
    let (_, text) = FILES.iter().find(|(file, _)| *file == name)?;
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    for (name, value) in [
        (CONTENT_TYPE, media_type(name)),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// Returns the media type of a file by the extension of its name.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let files = files.filter(|entry| entry.file_type().unwrap().is_file());
        let files: BTreeSet<String> = files.map(|entry| entry.file_name().into_string().unwrap()).collect();

        assert_eq!(FILES.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>(), files);
    }

    #[test]
    fn file_has_its_media_type_and_the_policy() {
        let page = file("/").unwrap();

        assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-ancestors 'none'"));
        assert!(file("/_dev/../Cargo.toml").is_none() && file("/index.html").is_none());
    }
}
