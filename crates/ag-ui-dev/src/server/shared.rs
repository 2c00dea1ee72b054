//! What the connections of a development server share.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

use super::access::Access;
use super::faults::Faults;
use super::host::Host;
use super::log::LogFeed;
use super::settings::Settings;

/// What the connections share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) access: Access,
    pub(super) host: Host,
    pub(super) faults: Faults,
    pub(super) log: Arc<LogFeed>,
}

/// The function, or the server, broke its answer off.
#[derive(Debug, thiserror::Error)]
#[error("the answer was broken off")]
pub(super) struct BrokenOff;

/// The body of every answer.
pub(super) type Body = UnsyncBoxBody<Bytes, BrokenOff>;
