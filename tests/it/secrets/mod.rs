//! Secrets while the function runs: rotation of the shared token, and outages of Secrets Manager.

mod outage;
mod rotation_runtime;
