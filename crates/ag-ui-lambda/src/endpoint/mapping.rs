//! The function that turns proven claims into a caller: what it may return.
//!
//! The caller type of an agent is the one that its tools name, and the mapping has to return that type. If the two differ,
//! either may be wrong. The traits are bounds that make the compiler name both types at once: without them it would report
//! only the value inside of `Ok(..)`, although mostly a tool is wrong. Code outside this crate can neither name nor implement
//! them.

use crate::auth::{Claims, Forbidden};

/// The application's function that turns proven claims into a caller, or forbids them to use the agent.
pub(super) type CallerMapping<C> = dyn Fn(&Claims) -> Result<C, Forbidden> + Send + Sync;

/// What a mapping from claims to callers returns: `Result<Caller, Forbidden>`, and no other type.
#[diagnostic::on_unimplemented(
    message = "the mapping from claims to callers returns `Result<Caller, Forbidden>`, and this one returns `{Self}`",
    label = "this mapping has to return `Result<Caller, Forbidden>`",
    note = "write `Ok(Caller {{ .. }})` for the caller, and `Err(Forbidden)` for claims that may not use the agent",
    note = "the mapping is no async function: what needs a store or a network belongs into `admit` of the endpoint's builder"
)]
pub trait MappingResult {
    /// The type of the callers.
    type Caller;

    /// Returns the result as it is.
    ///
    /// # Errors
    /// [`Forbidden`] if the claims may not use the agent.
    fn into_result(self) -> Result<Self::Caller, Forbidden>;
}

impl<C> MappingResult for Result<C, Forbidden> {
    type Caller = C;

    /// Returns the result as it is.
    fn into_result(self) -> Self {
        self
    }
}

/// The type of the callers for whom the tools of an agent are, which is `C` alone.
#[diagnostic::on_unimplemented(
    message = "the tools of this agent take callers of the type `{C}`, and the mapping from claims returns `{Self}`",
    label = "the tools of the agent take `{C}`, the mapping returns `{Self}`",
    note = "if `{Self}` is right, a tool is wrong: its context is `ToolContext<{C}>` and has to be `ToolContext<{Self}>`",
    note = "to see which tool it is, name the caller type where the agent begins, as in `Agent::<{Self}>::builder(..)`"
)]
pub trait CallerOfTools<C> {
    /// Returns the caller as it is.
    fn into_caller(self) -> C;
}

impl<C> CallerOfTools<C> for C {
    /// Returns the caller as it is.
    fn into_caller(self) -> C {
        self
    }
}
