//! Who calls, as this application's tools see it: made from proven claims, and from nothing else.

use ag_ui_lambda::config::ClaimNames;
use ag_ui_lambda::endpoint::Claims;

/// The caller of a run. All is empty for an anonymous one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) user: Option<String>,
    pub(crate) org: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) permissions: Vec<String>,
    /// Kept apart from permissions: being in a group named like a permission grants nothing.
    #[expect(dead_code, reason = "for tools that ask for a group; the samples do not")]
    pub(crate) groups: Vec<String>,
}

impl Caller {
    /// Reads the claims by the names in `AGUI_CLAIM_*`.
    ///
    /// To refuse a caller, make this return `Err(Forbidden)`: the client reads 403.
    pub(crate) fn from_claims(claims: &Claims, names: &ClaimNames) -> Self {
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
