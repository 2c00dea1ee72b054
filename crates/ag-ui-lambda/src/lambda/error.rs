//! Why a function cannot be built from its settings, and why it cannot serve.

use lambda_runtime::Error;

use crate::approval::ApprovalKeyError;
use crate::auth::{SharedTokenError, UserTokenConfigError};
use crate::config::{ConfigError, VariableError};
use crate::endpoint::BuildEndpointError;
#[cfg(feature = "http-models")]
use crate::model::BaseUrlError;

/// Why an agent, its approvals or an endpoint cannot be built from the settings.
///
/// Settings that [`Config::from_env`](crate::Config::from_env) has read cause none of these errors, so they mean that the
/// application has changed a setting. No message contains a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FromConfigError {
    /// The list of models is empty.
    #[error("no model is named")]
    NoModel,
    /// A model's key is in the secret of the providers' keys, and that secret is not named.
    #[error("the secret of the providers' keys is not named")]
    NoKeySecret,
    /// The address of a provider is unusable.
    #[cfg(feature = "http-models")]
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    /// The literal shared token is unusable.
    #[error(transparent)]
    Token(#[from] SharedTokenError),
    /// The keys of the users' tokens cannot be fetched safely.
    #[error(transparent)]
    UserTokens(#[from] UserTokenConfigError),
    /// The literal key of approvals is unusable.
    #[error(transparent)]
    ApprovalKey(#[from] ApprovalKeyError),
    /// A setting needs a feature that the crate was built without.
    #[error(transparent)]
    MissingFeature(VariableError),
}

/// Why a function does not serve, or has stopped serving.
///
/// It converts into [`lambda::Error`](super::Error), so `?` takes it in the `serve` function of an application.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A setting is unusable.
    #[error(transparent)]
    Settings(#[from] FromConfigError),
    /// The endpoint cannot be built.
    #[error(transparent)]
    Endpoint(#[from] BuildEndpointError),
    /// A variable that Lambda sets is missing, because the process runs elsewhere.
    #[error(transparent)]
    Environment(#[from] ConfigError),
    /// The Lambda runtime has failed, for example because its API cannot be reached.
    #[error(transparent)]
    Runtime(Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_chain::error_chain;

    /// The error of an application.
    #[derive(Debug, thiserror::Error)]
    #[error("the database is away")]
    struct ApplicationError;

    /// An application's `serve`, which fails with this error.
    fn serve<E>(failure: E) -> Result<(), Error>
    where
        Error: From<E>,
    {
        Err(failure)?
    }

    #[test]
    fn application_returns_every_error_with_a_question_mark() {
        let settings = FromConfigError::from(SharedTokenError::Empty);
        let runtime = ServeError::Runtime("the Runtime API is away".into());
        for (error, expected) in [
            (serve(ServeError::from(settings)), "the token is empty"),
            (serve(FromConfigError::NoModel), "no model is named"),
            (
                serve(ServeError::from(BuildEndpointError::MissingToken)),
                "authentication by the shared token needs a token",
            ),
            (serve(runtime), "the Runtime API is away"),
            (serve(ApplicationError), "the database is away"),
            (serve("AGUI_AUTH must be `authorizer`"), "AGUI_AUTH must be `authorizer`"),
        ] {
            // The log has each text once, although the errors are nested.
            assert_eq!(error_chain(error.unwrap_err().as_ref()), expected);
        }
    }
}
