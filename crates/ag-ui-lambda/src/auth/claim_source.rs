//! The source of a caller's claims: who has proven them. This module names no vendor; whoever decodes a vendor's requests
//! passes the names in as values.

/// Who has proven a caller's claims, and in which of them that source names the caller.
///
/// The `name` of a source is written to the log, and approvals are bound to it. Give each kind of proof a name of its
/// own, do not use `none`, `user-token` or `session`, and do not change it while approvals wait for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClaimSource {
    /// Nobody has proven anything: the caller is anonymous.
    None,
    /// The end user's token, which this process has verified.
    UserToken,
    /// The session of the application that the endpoint is mounted in, which names its user in `sub`. It counts as an
    /// authorizer's proof. [`Claims::from_session`](super::Claims::from_session) creates such claims.
    Session,
    /// An authorizer in front of this process, which has checked who the caller is.
    Authorizer {
        /// The name of this kind of authorizer.
        name: &'static str,
        /// The claim in which the authorizer has to name the caller. It is the subject where there is no `sub`. `None` if
        /// any claim at all is a proof, as with an authorizer that only passes on the claims of a token.
        caller_claim: Option<&'static str>,
    },
    /// The signature of the request, made by a machine or a server. It counts as a proof only if the endpoint lists the
    /// signer as [trusted](crate::endpoint::EndpointBuilder::trusted_signers).
    SignedRequest {
        /// The name of this kind of signature.
        name: &'static str,
        /// The claim that names who has signed.
        signer_claim: &'static str,
        /// The claim that names the user where one signer signs for many users. It is then the user that approvals are
        /// bound to, in place of the signer.
        pooled_user_claim: Option<&'static str>,
    },
}

impl ClaimSource {
    /// Returns the name of the source, which is written to the log and is part of what approvals are bound to.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::UserToken => "user-token",
            Self::Session => "session",
            Self::Authorizer { name, .. } | Self::SignedRequest { name, .. } => name,
        }
    }
}
