//! The endpoint's promises, against an endpoint in process: no Lambda, no network, no cloud.

mod auth;
mod delivery;
mod faults;
mod prompt;
mod refusals;
mod routes;
mod shared_token;
mod whole;
