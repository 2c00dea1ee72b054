//! Calls that wait for a person: they are requested in one run and answered in another, with whatever happens in between.

mod across_processes;
mod anonymous;
mod combinations;
mod documented_request;
mod documented_table;
mod echoed_answers;
mod flow;
mod forgery;
mod long_threads;
mod redeploy;
mod replay_store;
mod shop;
mod signed_results;
