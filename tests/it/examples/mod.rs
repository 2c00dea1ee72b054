//! The example functions of this repository, each through its own binary.

mod agentcore;
mod dojo;
mod embed;
mod forward;
mod quota;
mod rotation;
