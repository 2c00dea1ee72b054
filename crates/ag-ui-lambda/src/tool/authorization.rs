//! Who may use a tool, and which of its calls may run.
//!
//! Two questions are asked. The first looks at the caller alone, and decides whether the tool exists for them. The
//! second looks at the caller and the arguments of one call. Rules can only restrict: a caller and a call have to meet
//! all rules of a tool, and a rule that panics denies.

/// The permissions, OAuth scopes and groups of a caller, as the application read them from proven claims.
///
/// Implement it for your caller type to use [`needs_permission`](super::FnTool::needs_permission),
/// [`needs_scope`](super::FnTool::needs_scope) and [`needs_group`](super::FnTool::needs_group). By default nothing is
/// granted. The three are separate: a group or a scope that is named like a permission does not grant the permission.
///
/// A permission is what the caller may do in your application. An OAuth scope is what the caller's token may be used
/// for: a user who may refund orders can give an app a token that only reads them. An application whose permissions are
/// the scopes of a token needs only one of the two methods.
///
/// ```
/// use ag_ui_lambda::Grants;
///
/// struct Caller {
///     scopes: Vec<String>,
/// }
///
/// impl Grants for Caller {
///     fn has_scope(&self, scope: &str) -> bool {
///         self.scopes.iter().any(|held| held == scope)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the caller type `{Self}` does not say what its callers are granted",
    label = "`{Self}` does not implement `Grants`",
    note = "implement it: `impl Grants for {Self} {{ fn has_permission(&self, permission: &str) -> bool {{ .. }} }}`; `has_scope` and `is_in_group` are its other methods",
    note = "or use `available_if(|caller| ..)`, a condition that needs no trait"
)]
pub trait Grants {
    /// Whether the caller has the permission. By default no caller has one. This method is called for tools with
    /// [`FnTool::needs_permission`](super::FnTool::needs_permission).
    fn has_permission(&self, _permission: &str) -> bool {
        false
    }

    /// Whether the caller's token has the OAuth scope. By default no token has one. This method is called for tools
    /// with [`FnTool::needs_scope`](super::FnTool::needs_scope).
    fn has_scope(&self, _scope: &str) -> bool {
        false
    }

    /// Whether the caller is a member of the group. By default no caller is. This method is called for tools with
    /// [`FnTool::needs_group`](super::FnTool::needs_group).
    fn is_in_group(&self, _group: &str) -> bool {
        false
    }
}

/// The kind of grant that a caller lacks to use a tool. It appears in the log only: the model and the client do not
/// learn that the tool exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingGrant {
    /// The caller lacks a permission.
    Permission,
    /// The caller's token lacks an OAuth scope.
    Scope,
    /// The caller is not a member of a group.
    Group,
    /// The caller does not meet another rule of the tool.
    Other,
}

/// Says whether one call of a tool may run. [`Tool::authorize`](super::Tool::authorize) returns it.
///
/// ```
/// use ag_ui_lambda::tool::Decision;
///
/// fn authorize(amount: u32) -> Decision {
///     match amount {
///         0..100 => Decision::Allow,
///         100..1000 => Decision::RequireApproval,
///         _ => Decision::Deny("No refund is above 999 EUR.".into()),
///     }
/// }
///
/// assert_eq!(authorize(200), Decision::RequireApproval);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// The call runs at once.
    Allow,
    /// The call runs after a person has approved it.
    RequireApproval,
    /// The call does not run, even if a person has approved it. The model and the client read the sentence.
    Deny(String),
}

/// A value that a rule of [`allowed_if`](super::FnTool::allowed_if) can return.
///
/// `true` and `Ok(())` allow the call. `false` denies it with a fixed sentence, and `Err` with a sentence of its own. The
/// model and the client read the sentence.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that a rule of a tool can return",
    note = "return `bool`, or `Result<(), S>` where `S` converts into `String`"
)]
pub trait IntoDecision {
    /// Converts the return value of a rule into a decision about the call. This method is called for the rules of
    /// [`FnTool::allowed_if`](super::FnTool::allowed_if).
    fn into_decision(self) -> Decision;
}

impl IntoDecision for bool {
    /// Allows the call for `true`; for `false` denies it with a fixed sentence.
    fn into_decision(self) -> Decision {
        match self {
            true => Decision::Allow,
            false => Decision::Deny("This call is not allowed with these arguments.".into()),
        }
    }
}

impl<S: Into<String>> IntoDecision for Result<(), S> {
    /// Allows the call for `Ok`; for `Err` denies it with the error as the sentence.
    fn into_decision(self) -> Decision {
        match self {
            Ok(()) => Decision::Allow,
            Err(sentence) => Decision::Deny(sentence.into()),
        }
    }
}
