//! What all connections of a development server share.

use std::sync::Arc;

use super::access::Access;
use super::faults::Faults;
use super::host::FunctionHost;
use super::log::LogFeed;
use super::settings::Settings;

/// What all connections of a development server share.
pub(super) struct ServerState {
    pub(super) settings: Settings,
    pub(super) access: Access,
    pub(super) host: FunctionHost,
    pub(super) faults: Faults,
    pub(super) log: Arc<LogFeed>,
}
