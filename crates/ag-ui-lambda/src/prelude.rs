//! What an application with tools names, for `use ag_ui_lambda::prelude::*`.
//!
//! `Deserialize`, `Serialize` and `JsonSchema` are the traits with their derive macros. The macros need the crates `serde`
//! and `schemars` in your `Cargo.toml`.

#[doc(no_inline)]
pub use ag_ui_macros::tool;
#[doc(no_inline)]
pub use schemars::JsonSchema;
#[doc(no_inline)]
pub use serde::{Deserialize, Serialize};

#[doc(no_inline)]
pub use crate::agent::{Agent, AgentBuilder, Limits};
#[doc(no_inline)]
pub use crate::auth::{Claims, Forbidden};
#[cfg(feature = "lambda")]
#[doc(no_inline)]
pub use crate::config::Config;
#[doc(no_inline)]
pub use crate::endpoint::Endpoint;
#[cfg(feature = "lambda")]
#[doc(no_inline)]
pub use crate::lambda;
#[doc(no_inline)]
pub use crate::tool::{DynTool, Grants, NoArgs, Parts, Tool, ToolContext, ToolError, tool_fn};
