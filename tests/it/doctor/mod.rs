//! `ag-ui-dev doctor`: what each check says about a project, an account and an endpoint, and that each has been seen to fail.

mod account;
mod account_stub;
mod endpoint;
mod endpoint_stub;
mod model;
mod project;
mod report;
mod sample;
mod secrets;
mod tools;

use sample::{Printed, Sample};
