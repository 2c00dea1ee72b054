//! The extensions of a request: facts that are neither in its head nor in its body, which only the code that calls the
//! endpoint knows.

use std::net::IpAddr;

use tokio::time::Instant;

/// The time at which the run of a request has to end at the latest.
///
/// Insert it into the extensions of a request. A run that has not ended shortly before this time is cancelled, so that its
/// last events still reach the client. Without it, only the agent's own limits end a run.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one value")]
pub struct RunDeadline(pub Instant);

/// The tenant that this process serves alone.
///
/// Insert it into the extensions of a request. A caller whose organisation is another one is rejected with 403.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one value")]
pub struct Tenant(pub String);

/// The entry point of a request answers preflights and writes the CORS headers itself.
///
/// Insert it into the extensions of a request. The endpoint then does neither, because a browser refuses a response in which
/// these headers are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a mark without a value")]
pub struct CorsOfEntryPoint;

/// The address from which a request came, as the entry point reports it.
///
/// Insert it into the extensions of a request. The log line of a refused request then has it as `source_ip`. It proves
/// nothing, and nothing else uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one value")]
pub struct SourceAddress(pub IpAddr);
