//! The endpoint's promises, against an endpoint in process: no Lambda, no network, no cloud. Attacks on the user's token
//! alone go through the function, since they are on the whole way to its claims.

mod auth;
mod delivery;
mod faults;
mod hints;
mod jwt_attacks;
mod prompt;
mod refusals;
mod routes;
mod shared_token;
mod whole;
