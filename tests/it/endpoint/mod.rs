//! The endpoint's promises, against an endpoint in process: no Lambda, no network, no cloud.

mod auth;
mod delivery;
mod faults;
mod refusals;
mod routes;
mod shared_token;
