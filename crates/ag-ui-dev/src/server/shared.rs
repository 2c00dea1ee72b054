//! What the connections of a development server share.

use std::sync::Arc;

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
