//! The caller of a run, as the tools see it. It is built from verified claims only, never from what
//! the client or the model sends.

use ag_ui_lambda::prelude::*;

/// What is known about the caller. An anonymous caller has nothing of it.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The id of the user's organisation.
    pub org: Option<String>,
    /// What the user may do.
    pub permissions: Vec<String>,
}

impl Caller {
    /// Builds the caller from the claims that were verified for the request. The names of the claims
    /// are those of your identity provider.
    ///
    /// # Errors
    /// None so far: anonymous callers are served, too. Return `Err(Forbidden)` for callers whom you
    /// refuse; their client receives the status 403.
    pub fn from_claims(claims: &Claims) -> Result<Self, Forbidden> {
        Ok(Self {
            org: claims.text("custom:org_id").map(ToOwned::to_owned),
            permissions: claims.list("permissions"),
        })
    }
}

/// Decides who may use a tool that is registered with `.needs_permission("orders:write")`.
impl Grants for Caller {
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_say_what_a_caller_may_do() {
        let claims = Claims::from_session("ada")
            .with_claim("custom:org_id", "acme")
            .with_claim("permissions", "orders:read orders:write");

        let caller = Caller::from_claims(&claims).unwrap();

        assert_eq!(caller.org.as_deref(), Some("acme"));
        assert!(caller.has_permission("orders:write"));
        assert!(!caller.has_permission("orders"));
    }

    #[test]
    fn a_user_without_an_organisation_is_served() {
        let caller = Caller::from_claims(&Claims::from_session("ada")).unwrap();

        assert_eq!(caller.org, None);
        assert!(!caller.has_permission("orders:write"));
    }
}
