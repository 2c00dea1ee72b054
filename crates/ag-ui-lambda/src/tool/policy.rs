//! Who may call a tool, and which calls of it may run.
//!
//! The first is asked of the caller alone and decides whether the tool is there at all; the second is asked of the
//! caller and the arguments of one call. Both only ever take away: what a tool demands has to be met whole, and a
//! function that panics says no.

/// What a caller has been granted, as the application read it from proven claims.
///
/// For tools that demand it, with [`needs_permission`](super::FnTool::needs_permission) or
/// [`needs_group`](super::FnTool::needs_group). What an implementation says nothing of is not granted. Permissions and
/// groups are kept apart: being in a group named like a permission grants nothing. OAuth's scopes are permissions.
pub trait Grants {
    /// Whether the caller holds the permission.
    fn has_permission(&self, _permission: &str) -> bool {
        false
    }

    /// Whether the caller is in the group.
    fn is_in_group(&self, _group: &str) -> bool {
        false
    }
}

/// What a caller lacks who may not use a tool. The log says it, in one word; the model and the client are not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// A permission.
    Permission,
    /// A group.
    Group,
    /// What else the tool demands of its callers.
    Other,
}

/// What a policy says to one call: `bool`, or a `Result` whose error is the sentence that the model and the client read.
pub trait Ruling {
    /// The sentence, where the call may not run.
    fn objection(self) -> Option<String>;
}

impl Ruling for bool {
    fn objection(self) -> Option<String> {
        (!self).then(|| "This call is not allowed with these arguments.".into())
    }
}

impl<S: Into<String>> Ruling for Result<(), S> {
    fn objection(self) -> Option<String> {
        self.err().map(Into::into)
    }
}
