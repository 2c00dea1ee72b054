//! Who calls, as this application's tools see it: made from proven claims, and from nothing else.

use ag_ui_lambda::config::ClaimNames;
use ag_ui_lambda::endpoint::Claims;
use ag_ui_lambda::tool::Grants;

/// The caller of a run. All is empty for an anonymous one.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The user's id.
    pub user: Option<String>,
    /// The organisation's id.
    pub org: Option<String>,
    /// What the organisation pays for.
    pub plan: Option<String>,
    /// What the caller may do, each once.
    pub permissions: Vec<String>,
    /// Kept apart from permissions: being in a group named like a permission grants nothing.
    pub groups: Vec<String>,
}

/// What tools can demand of the caller: `.needs_permission("refunds:write")`, `.needs_group("support")`.
impl Grants for Caller {
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }

    fn is_in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|held| held == group)
    }
}

impl Caller {
    /// Reads the claims by the names in `AGUI_CLAIM_*`.
    ///
    /// To refuse a caller, make this return `Err(Forbidden)`: the client reads 403.
    pub fn from_claims(claims: &Claims, names: &ClaimNames) -> Self {
        let text = |name: &String| claims.text(name).map(ToOwned::to_owned);
        let mut permissions: Vec<String> = Vec::new();
        for permission in names.permissions.iter().flat_map(|name| claims.list(name)) {
            if !permissions.contains(&permission) {
                permissions.push(permission);
            }
        }
        Self {
            user: names.user.iter().find_map(text),
            org: text(&names.org),
            plan: text(&names.plan),
            permissions,
            groups: claims.list(&names.groups),
        }
    }
}
