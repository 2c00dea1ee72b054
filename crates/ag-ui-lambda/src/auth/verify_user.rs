//! The port to a verifier of the end user's token.

use futures_util::future::BoxFuture;

use crate::protocol::JsonObject;

/// Verifies the end user's token, which a request carries in the header `x-agui-user-token`.
///
/// It is a port: the endpoint knows neither keys nor algorithms. `UserTokens` implements it for JWTs, with the feature
/// `jwt`.
///
/// ```
/// use ag_ui_lambda::auth::{UserTokenError, VerifyUser};
/// use ag_ui_lambda::protocol::JsonObject;
/// use ag_ui_lambda::reexports::BoxFuture;
/// use serde_json::json;
///
/// /// Verifies the opaque tokens of an application.
/// struct Sessions;
///
/// impl Sessions {
///     async fn user_of(&self, token: &str) -> Option<String> {
///         (token == "session-of-ada").then(|| "ada".to_owned())
///     }
/// }
///
/// impl VerifyUser for Sessions {
///     fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<JsonObject, UserTokenError>> {
///         Box::pin(async move {
///             let user = self.user_of(token).await.ok_or(UserTokenError::Refused("there is no such session"))?;
///             Ok(JsonObject::from_iter([("sub".to_owned(), json!(user))]))
///         })
///     }
///
///     fn warm_up(&self) -> BoxFuture<'_, ()> {
///         Box::pin(async {})
///     }
/// }
/// ```
pub trait VerifyUser: Send + Sync + 'static {
    /// Verifies `token` and returns its claims. An endpoint with a verifier calls it for each request.
    ///
    /// # Errors
    /// [`UserTokenError`] if the token is not genuine, not in force or not meant for this service, or if the issuer's
    /// keys are unavailable.
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<JsonObject, UserTokenError>>;

    /// Fetches what the first verification will need, such as the issuer's keys. Failures are not reported: a
    /// verification fetches what is still missing.
    fn warm_up(&self) -> BoxFuture<'_, ()>;
}

/// Why a user's token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserTokenError {
    /// The token is genuine and meant for this service, but no longer in force.
    #[error("the user's token has expired")]
    Expired,
    /// The token is genuine and meant for this service, but not yet in force.
    #[error("the user's token is not valid yet")]
    NotYetValid,
    /// The token is not genuine or not meant for this service. The reason is written to the log, is not sent to the
    /// client, and must hold nothing of the token.
    #[error("the user's token is refused: {0}")]
    Refused(&'static str),
    /// The issuer's keys are unavailable, so the token cannot be verified at the moment.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
}
