//! The endpoint in this process: without Lambda, network or cloud.

mod buffered;
mod delivery;
mod faults;
mod hints;
mod prompt;
mod refusals;
mod routes;
