//! The names by which the log refers to callers: the same name for the same principal, and never the user's own.

use uuid::Uuid;

use super::Approvals;
use super::keys::SigningKey;
use super::mac::MacInput;
use crate::auth::Principal;

/// Computes pseudonyms of principals by a keyed hash, so that a reader of the log without the key cannot find a user by
/// trying names.
pub(crate) struct Pseudonyms {
    /// A random key of this process. It is used while no key of approvals is available.
    process_key: SigningKey,
}

impl Pseudonyms {
    /// Creates the source of pseudonyms, with a random key for this process.
    pub(crate) fn new() -> Self {
        // 32 hexadecimal digits that hold 122 random bits.
        let process_key = SigningKey::new(Uuid::new_v4().simple().to_string().into());
        Self { process_key: process_key.expect("it has 32 characters") }
    }

    /// Computes the name of a caller in audit lines: 12 hexadecimal digits, a keyed hash of the principal. The key is
    /// the current key of `approvals`, so that all processes compute the same name; if it is not available, the key of
    /// this process is used.
    ///
    /// Without a principal, because the claims do not identify a single user, the name is `unnamed`. For an anonymous
    /// caller it is `anonymous`.
    pub(crate) async fn pseudonym(
        &self,
        principal: Option<&Principal>,
        approvals: Option<&Approvals>,
    ) -> String {
        let Some(principal) = principal else { return "unnamed".into() };
        if *principal == Principal::anonymous() {
            return "anonymous".into();
        }
        let keys = match approvals {
            Some(approvals) => approvals.keys().get().await.ok(),
            None => None,
        };
        let key = keys.as_deref().map_or(&self.process_key, |keys| &keys.current);
        let mut input = MacInput::new("ag-ui-lambda audit 1");
        input.put_principal(principal);
        input.hmac_sha256(key).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}
