//! Approvals that outlive the process: a call waits for a person, and the proof of it travels with the client.
//!
//! Nothing is kept here between two runs. The id of an interrupt, the one thing that every client has to echo, proves
//! that this server asked about this very call for this very caller. The answer beside it is the client's word and is
//! not signed: it is worth what the identity is worth that brings it. A proof says that something was asked, not that
//! it was answered once; for that there is the [`Guard`].
//!
//! With the same keys the results of tools are signed, so that a history can't make up what a tool has said.

mod guard;
mod identity;
mod keys;
mod ledger;
mod proof;
mod pseudonym;
mod result;
mod time;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

pub use crate::cached::Unavailable;
use crate::protocol::RunId;
pub use guard::{Claim, Guard, GuardError};
pub use identity::Identity;
pub use keys::{ApprovalKeys, WeakKey};
use keys::{KeyName, Keys, unix_seconds};
use ledger::Ledger;
use proof::Clear;
pub(crate) use proof::{Kind, Proof, Subject, digest};
pub(crate) use pseudonym::Pseudonyms;
pub(crate) use result::{ResultSignature, digest_text};
pub(crate) use time::iso_8601;

/// What is known of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    /// This server made it.
    Genuine,
    /// This server did not make it, or its key is gone.
    Forged,
    /// Its key is not known, and may have come since the keys were read.
    KeyMayBeNewer,
}

/// How long an approval can be given, unless said otherwise.
pub const LIFE: Duration = Duration::from_secs(900);

type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What signs and checks the interrupts of an agent. Cheap to clone.
#[derive(Clone)]
pub struct Approvals {
    keys: Arc<ApprovalKeys>,
    life: Duration,
    guard: Option<Arc<dyn Guard>>,
    clock: Clock,
    /// What was signed lately; only where a developer is to read what differs.
    ledger: Option<Arc<Ledger>>,
}

impl Approvals {
    /// Approvals signed with these keys, that can be given for 15 minutes.
    #[must_use]
    pub fn new(keys: ApprovalKeys) -> Self {
        Self { keys: Arc::new(keys), life: LIFE, guard: None, clock: Arc::new(SystemTime::now), ledger: None }
    }

    /// How long an approval can be given.
    #[must_use]
    pub fn life(self, life: Duration) -> Self {
        Self { life, ..self }
    }

    /// Where approvals are claimed, so that none counts twice.
    #[must_use]
    pub fn guard(self, guard: impl Guard) -> Self {
        Self { guard: Some(Arc::new(guard)), ..self }
    }

    /// The clock that approvals expire by; the machine's, unless a test has another.
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Whether the log says what differs where a proof does not hold; `false` by default. For local work only: what was
    /// signed lately is kept in memory for it.
    #[must_use]
    pub fn developer_hints(self, is_on: bool) -> Self {
        Self { ledger: is_on.then(Arc::default), ..self }
    }

    /// Begins to fetch the keys. A failure waits for the first use.
    pub(crate) async fn warm(&self) {
        self.keys.warm().await;
    }

    pub(crate) fn once(&self) -> Option<&dyn Guard> {
        self.guard.as_deref()
    }

    /// Seconds since the Unix epoch.
    pub(crate) fn now(&self) -> u64 {
        unix_seconds((self.clock)())
    }

    /// Proves that a run asks a person about a call. `expires` is when the proof ends; unless said, when the life of an
    /// approval that begins now does.
    pub(crate) async fn prove(
        &self,
        kind: Kind,
        expires: Option<u64>,
        asked_in: &RunId,
        subject: &Subject<'_>,
    ) -> Result<Proof, Unavailable> {
        let keys = self.keys.get().await?;
        let clear = Clear {
            key_id: keys.current.id.clone(),
            kind,
            asked_in: asked_in.clone(),
            run_id: subject.run_id.clone(),
            call_id: subject.call_id.clone(),
            signed_at: Some(self.now()),
            expires: expires.unwrap_or_else(|| self.now().saturating_add(self.life.as_secs())),
            nonce: proof::nonce(),
        };
        let proof = Proof::sign(clear, subject, &keys.current);
        if let Some(ledger) = &self.ledger {
            ledger.add(&proof, subject);
        }
        Ok(proof)
    }

    /// What is known of a proof for this subject. Its time is not looked at.
    pub(crate) async fn check(&self, proof: &Proof, subject: &Subject<'_>) -> Signature {
        self.verify(proof.key(), |keys| keys.all().any(|key| proof.is_by(key, subject))).await
    }

    /// What differs about a proof that does not hold for this subject; `None` where no developer is to read it.
    pub(crate) async fn difference(&self, proof: &Proof, subject: &Subject<'_>) -> Option<String> {
        let ledger = self.ledger.as_ref()?;
        let is_key_known = self.keys.get().await.is_ok_and(|keys| keys.find(proof.key()).is_some());
        Some(match is_key_known {
            true => ledger.difference(proof, subject),
            false => "the key: it was signed with one that is not in use here".into(),
        })
    }

    /// What is known of the signature of a result.
    pub(crate) async fn check_result(
        &self,
        signature: &ResultSignature,
        subject: &Subject<'_>,
        content: [u8; 32],
    ) -> Signature {
        self.verify(signature.key(), |keys| keys.all().any(|key| signature.is_by(key, subject, content)))
            .await
    }

    async fn verify(&self, name: KeyName<'_>, is_by: impl Fn(&Keys) -> bool) -> Signature {
        match self.keys.get().await {
            Ok(keys) if keys.find(name).is_some() => {
                if is_by(&keys) {
                    Signature::Genuine
                } else {
                    Signature::Forged
                }
            }
            _ if self.keys.may_be_newer(name, (self.clock)()) => Signature::KeyMayBeNewer,
            _ => Signature::Forged,
        }
    }

    /// Waits until the keys have been read since `moment`, which may take as long as the floor between two such reads
    /// demands. All who wait share one read.
    pub(crate) async fn read_keys_since(&self, moment: Instant) {
        self.keys.read_since(moment).await;
    }

    /// Makes sure that there is a key to sign with.
    pub(crate) async fn ready(&self) -> Result<(), Unavailable> {
        self.keys.get().await.map(drop)
    }

    /// Signs the result of a call. The subject's run is the one that sends it.
    pub(crate) async fn sign_result(
        &self,
        subject: &Subject<'_>,
        content: [u8; 32],
    ) -> Result<ResultSignature, Unavailable> {
        let keys = self.keys.get().await?;
        Ok(ResultSignature::sign(subject, content, &keys.current, self.now()))
    }

    /// Signs the result of a call with the key that is known now; `None` if none is. It waits for nothing, so that it
    /// can be used when a run must end.
    pub(crate) fn sign_result_now(
        &self,
        subject: &Subject<'_>,
        content: [u8; 32],
    ) -> Option<ResultSignature> {
        let keys = self.keys.kept()?;
        Some(ResultSignature::sign(subject, content, &keys.current, self.now()))
    }
}

impl fmt::Debug for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Approvals");
        shown.field("life", &self.life).field("is_guarded", &self.guard.is_some()).finish_non_exhaustive()
    }
}
