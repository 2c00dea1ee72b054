//! A refusal of a run by the application, with its status, its code and the message that the client reads.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;

/// Why a run is not admitted. The client gets the status, a code, and the message.
///
/// The message is one or more sentences that a chat shows to its user. It is sent as it is, so it must not contain anything
/// internal.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::endpoint::Refusal;
///
/// let refusal = Refusal::limited("You have used your 20 runs of today.", Duration::from_secs(3600));
/// # let _ = refusal;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[must_use]
pub struct Refusal {
    kind: RefusalKind,
    message: Cow<'static, str>,
}

/// Which status a refusal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefusalKind {
    PaymentRequired,
    Forbidden,
    /// The client may try again after this time.
    Limited(Duration),
}

impl Refusal {
    /// Refuses a run because the caller has to pay first: the status 402 with the code `PAYMENT_REQUIRED`.
    pub fn payment_required(message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: RefusalKind::PaymentRequired, message: message.into() }
    }

    /// Refuses a run that the caller may never start: the status 403 with the code `FORBIDDEN`.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: RefusalKind::Forbidden, message: message.into() }
    }

    /// Refuses a run for now, because a limit is reached: the status 429 with the code `LIMITED`. The header
    /// `Retry-After` has `retry_after` in seconds, rounded up, and at least 1: a client that may try again at once would send
    /// its requests without a pause.
    pub fn limited(message: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        Self { kind: RefusalKind::Limited(retry_after), message: message.into() }
    }

    /// Returns the HTTP status of the response.
    pub(super) fn status(&self) -> StatusCode {
        match self.kind {
            RefusalKind::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
            RefusalKind::Forbidden => StatusCode::FORBIDDEN,
            RefusalKind::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Returns the code of the response, which programs compare.
    pub(super) fn code(&self) -> &'static str {
        match self.kind {
            RefusalKind::PaymentRequired => "PAYMENT_REQUIRED",
            RefusalKind::Forbidden => "FORBIDDEN",
            RefusalKind::Limited(_) => "LIMITED",
        }
    }

    /// Returns after how many seconds the client may try again, rounded up and at least 1; `None` if trying again does not
    /// help.
    pub(super) fn retry_after_s(&self) -> Option<u64> {
        match self.kind {
            RefusalKind::Limited(wait) => {
                Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1))
            }
            RefusalKind::PaymentRequired | RefusalKind::Forbidden => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_to_seconds() {
        for (wait, seconds) in [
            (Duration::ZERO, 1),
            (Duration::from_millis(1), 1),
            (Duration::from_secs(60), 60),
            (Duration::from_millis(60_001), 61),
            (Duration::MAX, u64::MAX),
        ] {
            assert_eq!(Refusal::limited("Wait.", wait).retry_after_s(), Some(seconds), "{wait:?}");
        }
    }
}
