//! The endpoint in this process: without Lambda, network or cloud.

mod admission;
mod agents;
mod anonymous;
mod budget;
mod buffered;
mod delivery;
mod faults;
mod hints;
mod prompt;
mod refusals;
mod reports;
mod request_body;
mod routes;
mod stalled_readers;
