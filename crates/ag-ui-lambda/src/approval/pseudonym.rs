//! The names by which the log refers to callers: the same name for the same principal, and never the user's own. Keys that
//! make calls unique are keyed in the same way.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::timeout;
use uuid::Uuid;

use super::Approvals;
use super::keys::{ApprovalKeyError, ApprovalKeys, SigningKey};
use super::mac::{MacInput, encode_base64url};
use crate::auth::Principal;
use crate::secrets::{SecretSource, UnavailableError};

/// How long a request waits for the key, so that a store of secrets that hangs does not delay runs for a name in the log.
const KEY_TIMEOUT: Duration = Duration::from_millis(500);

/// The name of a caller while the configured key cannot be read.
const UNKNOWN: &str = "unknown";

/// The key of the names that the log has for callers. It is a secret of its own that is not rotated, so that a line can be
/// tied to a person for as long as it is kept.
///
/// The key also makes [`ToolContext::idempotency_key`](crate::ToolContext::idempotency_key) unpredictable.
///
/// ```
/// use ag_ui_lambda::approval::WhoKey;
/// use ag_ui_lambda::auth::Principal;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = WhoKey::literal("0123456789abcdef0123456789abcdef".to_owned().into())?;
/// let ada = Principal { source: "user-token", issuer: None, org: None, user: Some("ada".into()) };
/// assert_eq!(key.name(&ada).await?.len(), 12);
/// # Ok(())
/// # }
/// ```
pub struct WhoKey(ApprovalKeys);

impl WhoKey {
    /// Creates a key from a text, for tests and for local work.
    ///
    /// # Errors
    /// [`ApprovalKeyError::TooShort`] if the key has fewer than 32 characters.
    pub fn literal(key: SecretString) -> Result<Self, ApprovalKeyError> {
        ApprovalKeys::literal(key).map(Self)
    }

    /// Takes the key from a secret whose value is the JSON object `{"key": "..."}`. The secret is read at the first use.
    #[must_use]
    pub fn from_source(source: impl SecretSource) -> Self {
        Self(ApprovalKeys::from_source(source))
    }

    /// Computes the name that the log has for this principal: 12 hexadecimal digits, or `anonymous` for the principal of
    /// anonymous callers. The program `ag-ui-who` calls it for an inquiry about a user.
    ///
    /// # Errors
    /// [`UnavailableError`] if the key cannot be read.
    pub async fn name(&self, principal: &Principal) -> Result<String, UnavailableError> {
        match principal.is_anonymous() {
            true => Ok("anonymous".into()),
            false => Ok(name_with(&self.0.get().await?.current, principal)),
        }
    }
}

impl fmt::Debug for WhoKey {
    /// Shows only the name of the type, and no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WhoKey([redacted])")
    }
}

/// Computes pseudonyms of principals by a keyed hash, so that a reader of the log without the key cannot find a user by
/// trying names.
pub(crate) struct Pseudonyms {
    /// The configured key; `None` if no key is configured.
    who_key: Option<WhoKey>,
    /// A random key of this process. It is used if neither the configured key nor a key of approvals is there.
    process_key: SigningKey,
}

impl Pseudonyms {
    /// Creates the source of pseudonyms, with a random key for this process.
    pub(crate) fn new() -> Self {
        // 32 hexadecimal digits that hold 122 random bits.
        let process_key = SigningKey::new(Uuid::new_v4().simple().to_string().into());
        Self { who_key: None, process_key: process_key.expect("it has 32 characters") }
    }

    /// Sets the key that is used in place of all others.
    pub(crate) fn set_key(&mut self, key: WhoKey) {
        self.who_key = Some(key);
    }

    /// Reads the key before it is needed, while the function starts. A failure is not returned.
    pub(crate) async fn prefetch(&self) {
        if let Some(WhoKey(key)) = &self.who_key {
            key.prefetch().await;
        }
    }

    /// Computes the name of a caller in the log: 12 hexadecimal digits, a keyed hash of the principal. The key is the
    /// configured one; without one it is the current key of `approvals`, or else the key of this process. The name is
    /// `unknown` if the configured key cannot be read within half a second.
    ///
    /// Without a principal, because the claims do not identify a single user, the name is `unnamed`. For an anonymous
    /// caller it is `anonymous`.
    pub(crate) async fn pseudonym(
        &self,
        principal: Option<&Principal>,
        approvals: Option<&Approvals>,
    ) -> String {
        let Some(principal) = principal else { return "unnamed".into() };
        if principal.is_anonymous() {
            return "anonymous".into();
        }
        if let Some(key) = &self.who_key {
            let name = timeout(KEY_TIMEOUT, key.name(principal)).await;
            return name.ok().and_then(Result::ok).unwrap_or_else(|| UNKNOWN.into());
        }
        let keys = match approvals {
            Some(approvals) => timeout(KEY_TIMEOUT, approvals.keys().get()).await.ok().and_then(Result::ok),
            None => None,
        };
        name_with(keys.as_deref().map_or(&self.process_key, |keys| &keys.current), principal)
    }

    /// Computes the idempotency key of a call from the digest of the call: 32 ASCII characters, the same for the same call
    /// in every process. With a configured key nobody else can compute it; without one it is the digest itself.
    ///
    /// # Errors
    /// [`UnavailableError`] if the configured key cannot be read. The call must not run then, because it would have another
    /// idempotency key in another process.
    pub(crate) async fn idempotency_key(&self, call_digest: &str) -> Result<String, UnavailableError> {
        let Some(WhoKey(key)) = &self.who_key else { return Ok(call_digest.to_owned()) };
        let mut input = MacInput::new("ag-ui-lambda idempotency key 2");
        input.put(call_digest);
        Ok(encode_base64url(&input.hmac_sha256(&key.get().await?.current)[..24]))
    }
}

/// Computes the name of a principal with this key.
fn name_with(key: &SigningKey, principal: &Principal) -> String {
    let mut input = MacInput::new("ag-ui-lambda audit 1");
    input.put_principal(principal);
    input.hmac_sha256(key).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::binding::testing::BindingParts;
    use crate::secrets::fake::FakeSecret;

    const CREATED: std::time::SystemTime = std::time::SystemTime::UNIX_EPOCH;

    /// Returns a principal of this name.
    fn principal(user: &str) -> Principal {
        Principal { source: "jwt", issuer: None, org: None, user: Some(user.into()) }
    }

    /// Returns pseudonyms under this key.
    fn with_key(key: &str) -> Pseudonyms {
        let mut names = Pseudonyms::new();
        names.set_key(WhoKey::literal(key.to_owned().into()).unwrap());
        names
    }

    #[tokio::test]
    async fn name_depends_on_the_configured_key_and_not_on_approvals() {
        let key = |letter: &str| letter.repeat(32);
        let approvals = |letter: &str| Approvals::new(ApprovalKeys::literal(key(letter).into()).unwrap());
        let ada = principal("ada");
        let name = with_key(&key("k")).pseudonym(Some(&ada), Some(&approvals("a"))).await;

        assert_eq!(name, with_key(&key("k")).pseudonym(Some(&ada), Some(&approvals("b"))).await);
        assert_eq!(name, WhoKey::literal(key("k").into()).unwrap().name(&ada).await.unwrap());
        assert_ne!(name, with_key(&key("l")).pseudonym(Some(&ada), None).await);
        assert_ne!(name, with_key(&key("k")).pseudonym(Some(&principal("bob")), None).await);
        let without = Pseudonyms::new();
        let of_approvals = without.pseudonym(Some(&ada), Some(&approvals("a"))).await;
        assert_eq!(of_approvals, Pseudonyms::new().pseudonym(Some(&ada), Some(&approvals("a"))).await);
        assert_ne!(of_approvals, without.pseudonym(Some(&ada), None).await);
    }

    #[tokio::test]
    async fn name_is_unknown_and_no_call_runs_without_the_configured_key() {
        let secret = FakeSecret::new("{}", CREATED);
        secret.fail(true);
        let mut names = Pseudonyms::new();
        names.set_key(WhoKey::from_source(secret));
        let call = BindingParts::new().binding().call_digest();

        assert_eq!(names.pseudonym(Some(&principal("ada")), None).await, UNKNOWN);
        assert!(names.idempotency_key(&call).await.is_err());
        assert_eq!(names.pseudonym(None, None).await, "unnamed");
        assert_eq!(names.pseudonym(Some(&Principal::anonymous()), None).await, "anonymous");
    }

    #[tokio::test]
    async fn idempotency_key_is_keyed_and_stable() {
        let call = BindingParts::new().binding().call_digest();
        let other = BindingParts::new().with(|parts| parts.run_id = "r2".into()).binding().call_digest();
        let (one, two) = (with_key(&"k".repeat(32)), with_key(&"l".repeat(32)));

        let key = one.idempotency_key(&call).await.unwrap();
        assert_eq!((key.len(), key.is_ascii()), (32, true));
        assert_eq!(key, with_key(&"k".repeat(32)).idempotency_key(&call).await.unwrap());
        assert_ne!(key, two.idempotency_key(&call).await.unwrap());
        assert_ne!(key, one.idempotency_key(&other).await.unwrap());
        let unkeyed = Pseudonyms::new().idempotency_key(&call).await.unwrap();
        assert_eq!(unkeyed, Pseudonyms::new().idempotency_key(&call).await.unwrap());
        assert_ne!(key, unkeyed);
    }
}
