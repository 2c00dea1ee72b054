//! Whose approval it is.

use std::fmt;

/// Who a caller is, as the edge has proven it: what an approval is bound to.
///
/// Never the user alone, since two issuers may name two people alike; and never permissions, which may change while
/// an approval waits and are checked when it comes.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who has proven it, such as `jwt`.
    pub source: &'static str,
    /// The issuer of the proof, where it names one.
    pub issuer: Option<String>,
    /// The organisation.
    pub org: Option<String>,
    /// The user.
    pub user: Option<String>,
}

impl Identity {
    /// Of a caller of whom nothing is proven. All such callers are the same.
    pub fn anonymous() -> Self {
        Self { source: "none", issuer: None, org: None, user: None }
    }
}

/// Without values, since they are personal data.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("source", &self.source).finish_non_exhaustive()
    }
}
