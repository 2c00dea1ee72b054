//! Integration tests of the library's public API and of the function, in folders that are named as those of the code.
//!
//! Most of them start the function's real binary, and use what `make test` installs.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]
#![expect(clippy::disallowed_methods, reason = "the ban on reading the environment is for the function")]

mod agent;
mod approval;
mod auth;
mod budget;
mod clients;
mod config;
mod deploy;
mod doctor;
mod documentation;
mod endpoint;
mod examples;
mod faults;
mod lambda;
mod local;
mod model;
mod model_server;
mod observability;
mod protocol;
mod secrets;
mod security;
mod starter;
mod support;
mod testing;
mod tool;
mod transcript;
