//! [`Approvals`]: issues and verifies interrupt tokens and signatures of results.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::binding::Binding;
use super::keys::{ApprovalKeys, KeyHint, SigningKeys, unix_seconds};
use super::recent_tokens::RecentTokens;
use super::replay::ReplayStore;
use super::result_signature::ResultSignature;
use super::token::{InterruptKind, InterruptToken, TokenHeader, random_nonce};
use crate::protocol::RunId;
use crate::secrets::UnavailableError;

/// How long an approval can be given by default: 15 minutes.
pub const DEFAULT_TTL: Duration = Duration::from_secs(900);

/// The outcome of verifying a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureStatus {
    /// This server made the signature for this binding.
    Valid,
    /// This server did not make the signature for this binding, or the key is no longer in use.
    Invalid,
    /// The key is not known, but may have been created since the keys were read. Read them again, then verify again.
    KeyMayBeNewer,
}

/// Returns the current time.
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Signs and verifies the interrupts of an agent, so that its tools can wait for a person. It is cheap to clone.
///
/// An agent without approvals offers no tool that may wait.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = ApprovalKeys::literal("0123456789abcdef0123456789abcdef".to_owned().into())?;
/// let approvals = Approvals::new(keys).ttl(Duration::from_secs(3600));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Approvals {
    /// The keys that sign and verify.
    keys: Arc<ApprovalKeys>,
    /// How long a new token is valid.
    ttl: Duration,
    /// The store that makes an approval count once.
    replay_store: Option<Arc<dyn ReplayStore>>,
    /// The clock that tokens expire by.
    clock: Clock,
    /// The latest tokens, to explain why one is invalid; only with developer hints.
    recent_tokens: Option<Arc<RecentTokens>>,
}

impl Approvals {
    /// Creates approvals that are signed with these keys. A person can give an approval within [`DEFAULT_TTL`]. Without
    /// a [`replay_store`](Self::replay_store), an approval that is sent again runs the call again.
    #[must_use]
    pub fn new(keys: ApprovalKeys) -> Self {
        Self {
            keys: Arc::new(keys),
            ttl: DEFAULT_TTL,
            replay_store: None,
            clock: Arc::new(SystemTime::now),
            recent_tokens: None,
        }
    }

    /// Sets how long after an interrupt a person can approve or answer, in whole seconds; a fraction is cut off. The
    /// default is [`DEFAULT_TTL`].
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// Sets the store that makes each approval count at most once. By default there is no store.
    #[must_use]
    pub fn replay_store(self, store: impl ReplayStore) -> Self {
        Self { replay_store: Some(Arc::new(store)), ..self }
    }

    /// Sets the clock that decides whether an approval has expired. The default is the system's clock; a test may set
    /// another one.
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Sets whether the log explains why the token of an answer is invalid. The default is `false`. Use it for local
    /// work only, because the latest tokens and their callers are then kept in memory.
    #[must_use]
    pub fn developer_hints(self, is_enabled: bool) -> Self {
        Self { recent_tokens: is_enabled.then(Arc::default), ..self }
    }

    /// Returns the store that makes each approval count at most once; `None` if none is configured.
    pub(crate) fn configured_replay_store(&self) -> Option<&dyn ReplayStore> {
        self.replay_store.as_deref()
    }

    /// Returns the keys that sign and verify. Only the pseudonyms of the audit log read the keys through this method.
    pub(super) fn keys(&self) -> &ApprovalKeys {
        &self.keys
    }

    /// Returns the current time by the configured clock, in seconds since the Unix epoch.
    pub(crate) fn now(&self) -> u64 {
        unix_seconds((self.clock)())
    }

    /// Reads the keys before they are needed, while the function starts. A failure is not returned; the first use of
    /// the keys tries again. `Agent::warm_up` calls it.
    pub(crate) async fn prefetch(&self) {
        self.keys.prefetch().await;
    }

    /// Reads the keys if they are not cached. A run calls it before it starts, if it has to sign or verify.
    ///
    /// # Errors
    /// [`UnavailableError`] if no key can be read.
    pub(crate) async fn ensure_key(&self) -> Result<(), UnavailableError> {
        self.keys.get().await.map(drop)
    }

    /// Waits until the keys have been read after `moment`, or such a read has failed. This may take as long as the
    /// minimum interval between two reads. All callers that wait share one read.
    pub(crate) async fn wait_for_keys_read_since(&self, moment: Instant) {
        self.keys.wait_for_read_since(moment).await;
    }

    /// Signs a token for a call that has to wait for a person. `binding` is the call, and `kind` is what the call waits
    /// for.
    ///
    /// `expires_at` is in seconds since the Unix epoch; with `None` the token expires after the configured time to
    /// live. `issuing_run_id` is the run that is interrupted, which may be a later one than the run that made the call.
    ///
    /// # Errors
    /// [`UnavailableError`] if the key cannot be read.
    pub(crate) async fn issue_token(
        &self,
        kind: InterruptKind,
        expires_at: Option<u64>,
        issuing_run_id: &RunId,
        binding: &Binding<'_>,
    ) -> Result<InterruptToken, UnavailableError> {
        let keys = self.keys.get().await?;
        let now = self.now();
        let header = TokenHeader {
            key_id: keys.current.id.clone(),
            kind,
            issuing_run_id: issuing_run_id.clone(),
            run_id: binding.run_id.clone(),
            call_id: binding.call_id.clone(),
            signed_at: Some(now),
            expires_at: expires_at.unwrap_or_else(|| now.saturating_add(self.ttl.as_secs())),
            nonce: random_nonce(),
        };
        let token = InterruptToken::sign(header, binding, &keys.current);
        if let Some(recent_tokens) = &self.recent_tokens {
            recent_tokens.add(&token, binding);
        }
        Ok(token)
    }

    /// Verifies that this server signed the token for the call of `binding`. Whether the token has expired is not
    /// checked.
    pub(crate) async fn verify_token(
        &self,
        token: &InterruptToken,
        binding: &Binding<'_>,
    ) -> SignatureStatus {
        self.verify_with_keys(token.key_hint(), |keys| keys.iter().any(|key| token.verify_with(key, binding)))
            .await
    }

    /// Returns an explanation for a developer of why `token` is invalid for the call of `binding`; `None` without
    /// [`developer_hints`](Self::developer_hints).
    pub(crate) async fn explain_mismatch(
        &self,
        token: &InterruptToken,
        binding: &Binding<'_>,
    ) -> Option<String> {
        let recent_tokens = self.recent_tokens.as_ref()?;
        let is_key_known = self.keys.get().await.is_ok_and(|keys| keys.find(token.key_hint()).is_some());
        Some(match is_key_known {
            true => recent_tokens.explain_mismatch(token, binding),
            false => "the key: it was signed with one that is not in use here".into(),
        })
    }

    /// Signs the result of a call, so that a later run can verify that this server made the result. `content` is the
    /// SHA-256 digest of the result, and the run of `binding` is the one that sends the result.
    ///
    /// # Errors
    /// [`UnavailableError`] if the key cannot be read.
    pub(crate) async fn sign_result(
        &self,
        binding: &Binding<'_>,
        content: [u8; 32],
    ) -> Result<ResultSignature, UnavailableError> {
        let keys = self.keys.get().await?;
        Ok(ResultSignature::sign(binding, content, &keys.current, self.now()))
    }

    /// Signs a result like [`sign_result`](Self::sign_result), with the cached key and without waiting, so that it can
    /// be used when a run has to end. `None` if no key is cached.
    pub(crate) fn try_sign_result(
        &self,
        binding: &Binding<'_>,
        content: [u8; 32],
    ) -> Option<ResultSignature> {
        let keys = self.keys.loaded()?;
        Some(ResultSignature::sign(binding, content, &keys.current, self.now()))
    }

    /// Verifies that this server signed a result for the call of `binding`. `content` is the SHA-256 digest of the
    /// result.
    pub(crate) async fn verify_result(
        &self,
        signature: &ResultSignature,
        binding: &Binding<'_>,
        content: [u8; 32],
    ) -> SignatureStatus {
        self.verify_with_keys(signature.key_hint(), |keys| {
            keys.iter().any(|key| signature.verify_with(key, binding, content))
        })
        .await
    }

    /// Finds the key that `hint` names, and then verifies a signature with `is_valid`. The status is
    /// [`SignatureStatus::KeyMayBeNewer`] if the key is not here and may have been created after the keys were read.
    async fn verify_with_keys(
        &self,
        hint: KeyHint<'_>,
        is_valid: impl Fn(&SigningKeys) -> bool,
    ) -> SignatureStatus {
        match self.keys.get().await {
            Ok(keys) if keys.find(hint).is_some() => match is_valid(&keys) {
                true => SignatureStatus::Valid,
                false => SignatureStatus::Invalid,
            },
            _ if self.keys.may_be_newer(hint, (self.clock)()) => SignatureStatus::KeyMayBeNewer,
            _ => SignatureStatus::Invalid,
        }
    }
}

impl fmt::Debug for Approvals {
    /// Shows the time to live and whether there is a replay store, and no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approvals")
            .field("ttl", &self.ttl)
            .field("has_replay_store", &self.replay_store.is_some())
            .finish_non_exhaustive()
    }
}
