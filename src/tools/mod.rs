//! The tools of this function. Replace them with your own: each shows one thing.

mod account;
mod refund;
mod weather;

pub(crate) use account::get_account;
pub(crate) use refund::refund_order;
pub(crate) use weather::get_weather;
