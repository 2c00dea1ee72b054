//! The tools of this function. Replace them with your own: each shows one thing.

mod account;
mod weather;

pub(crate) use account::get_account;
pub(crate) use weather::get_weather;
