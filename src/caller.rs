//! The caller of a run, as this application's tools see it. It is built from verified claims only.

use ag_ui_lambda::auth::Claims;
use ag_ui_lambda::config::ClaimNames;
use ag_ui_lambda::tool::Grants;

/// Holds what is known about the caller of a run. All members are empty for an anonymous caller.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The user's id.
    pub user: Option<String>,
    /// The organisation's id.
    pub org: Option<String>,
    /// The plan that the organisation pays for.
    pub plan: Option<String>,
    /// The permissions of the caller, without duplicates.
    pub permissions: Vec<String>,
    /// The scopes of the caller's token, without duplicates. A scope limits what an app may do for the user; it is no
    /// permission of the user.
    pub scopes: Vec<String>,
    /// The groups that the caller is in. A group that has the name of a permission does not grant the permission.
    pub groups: Vec<String>,
}

/// Decides whether the caller may use a tool that is registered with `.needs_permission("refunds:write")`,
/// `.needs_scope("refunds")` or `.needs_group("support")`.
impl Grants for Caller {
    /// Whether the caller has the permission.
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }

    /// Whether the caller's token has the scope.
    fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Whether the caller is in the group.
    fn is_in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|held| held == group)
    }
}

impl Caller {
    /// Builds the caller of a run from its proven claims. `names` are the names of the claims, from the settings
    /// `AGUI_CLAIM_*`. What the claims lack is empty.
    ///
    /// To refuse some callers, let this function return `Err(Forbidden)` for them: such a client gets a 403.
    pub fn from_claims(claims: &Claims, names: &ClaimNames) -> Self {
        let text = |name: &String| claims.text(name).map(ToOwned::to_owned);
        Self {
            user: claims.user(&names.user).map(ToOwned::to_owned),
            org: claims.identifier(&names.org).map(ToOwned::to_owned),
            plan: text(&names.plan),
            permissions: collect(claims, &names.permissions),
            scopes: collect(claims, &names.scopes),
            groups: claims.list(&names.groups),
        }
    }
}

/// Collects the elements of the claims with these names, each element once.
fn collect(claims: &Claims, names: &[String]) -> Vec<String> {
    let mut collected: Vec<String> = Vec::new();
    for element in names.iter().flat_map(|name| claims.list(name)) {
        if !collected.contains(&element) {
            collected.push(element);
        }
    }
    collected
}
