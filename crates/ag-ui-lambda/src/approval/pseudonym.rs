//! What the log calls a caller: the same name for the same identity, and nobody's own.

use uuid::Uuid;

use super::keys::Key;
use super::proof::Fields;
use super::{Approvals, Identity};

/// Makes names of identities, by a hash with a key: who reads the log and lacks the key can't try out names.
pub(crate) struct Pseudonyms {
    /// Used while there is no key of approvals. It is this process's own.
    own: Key,
}

impl Pseudonyms {
    pub(crate) fn new() -> Self {
        // 32 letters, of 122 random bits.
        let own = Key::new(Uuid::new_v4().simple().to_string().into());
        Self { own: own.expect("it has 32 characters") }
    }

    /// The name of an identity: 12 hex digits, under the key of approvals where it can be had; `anonymous` where nothing
    /// is proven, and `unnamed` where no claim names who it is.
    pub(crate) async fn name(&self, identity: Option<&Identity>, approvals: Option<&Approvals>) -> String {
        let Some(identity) = identity else { return "unnamed".into() };
        if *identity == Identity::anonymous() {
            return "anonymous".into();
        }
        let keys = match approvals {
            Some(approvals) => approvals.keys.get().await.ok(),
            None => None,
        };
        let key = keys.as_deref().map_or(&self.own, |keys| &keys.current);
        let mut fields = Fields::new("ag-ui-lambda audit 1");
        fields.put_identity(identity);
        fields.mac(key).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}
