//! The HTTP client of all checks.

/// Creates a client that follows no redirect, because it would send tokens and keys to another server.
pub(super) fn http_client() -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    client.expect("the certificates of the program can be read")
}
