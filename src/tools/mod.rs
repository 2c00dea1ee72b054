//! The tools of this function. Each one shows one feature. Replace them with your own.

mod account;
mod refund;
mod weather;

pub use account::get_account;
pub use refund::refund_order;
pub use weather::get_weather;
