//! What several tests share.

pub(crate) mod oracle;
pub(crate) mod outline;
pub(crate) mod scenario;
