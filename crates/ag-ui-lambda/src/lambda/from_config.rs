//! Builds an agent and an endpoint from the settings, with the secrets of AWS Secrets Manager, the DynamoDB table and the
//! models that the settings name.
//!
//! Nothing here fetches anything: secrets, keys and tables are read by the first request, or when the function warms up.

use std::sync::Arc;

use tracing::info;

#[cfg(feature = "dynamodb")]
use super::dynamodb::{DynamoBudgetStore, DynamoReplayStore};
use super::error::FromConfigError;
use super::secrets_manager::SecretsManager;
use crate::agent::{Agent, AgentBuilder};
use crate::approval::{ApprovalKeys, Approvals, MemoryReplayStore, WhoKey};
use crate::auth::{Claims, PrincipalClaims, SharedToken, UserTokenConfig, UserTokens};
use crate::budget::{Budgets, MemoryBudgetStore};
#[cfg(feature = "http-models")]
use crate::config::KeySource;
use crate::config::{ApprovalConfig, ApprovalKey, BudgetConfig, Config, ModelConfig, ModelName, TokenSource};
use crate::endpoint::mapping::{CallerOfTools, MappingResult};
use crate::endpoint::{DeveloperHints, Endpoint, EndpointBuilder};
use crate::log_events::JWT_ADMITS;
#[cfg(feature = "bedrock")]
use crate::model::Bedrock;
#[cfg(all(feature = "bedrock", feature = "http-models"))]
use crate::model::BedrockApiKeys;
#[cfg(feature = "http-models")]
use crate::model::{Credentials, HttpModel};
use crate::model::{Model, demo};
#[cfg(feature = "http-models")]
use crate::secrets::ApiKeySecret;

/// Creates an agent builder from the settings: models and how they are asked, limits, what clients may send, how
/// approvals are signed, and the key of the callers' names in the log. The application then adds its instructions and tools.
///
/// Name the caller type here, as in `lambda::agent::<Caller>(&config)`. The compiler then reports a tool for another caller
/// type at that tool. Otherwise it takes the caller type from the first tool, and reports the mapping from claims.
///
/// For a model that the settings cannot name, start with [`Agent::builder`] instead.
///
/// # Errors
/// [`FromConfigError`] if a setting is unusable. Settings that [`Config::from_env`] has read are usable.
pub fn agent<C: Send + Sync + 'static>(config: &Config) -> Result<AgentBuilder<C>, FromConfigError> {
    let mut models = build_models(&config.models)?.into_iter();
    let first = models.next().ok_or(FromConfigError::NoModel)?;
    let agent = models.fold(Agent::builder(first), AgentBuilder::fallback);
    let agent = agent.settings(config.models.settings.clone()).limits(config.limits);
    let agent = config.client.apply(agent);
    let agent = match &config.who_secret_id {
        Some(id) => agent.who_key(WhoKey::from_source(SecretsManager::new(id))),
        None => agent,
    };
    Ok(match &config.approvals {
        Some(settings) => agent.approvals(approvals(settings)?),
        None => agent,
    })
}

/// Builds the signer of approvals from the settings, for an agent that was not created by [`agent`]. [`agent`] calls
/// it, too. In local mode, without a table, used approvals are recorded in the memory of this process.
///
/// # Errors
/// [`FromConfigError`] if the key is a literal that is too short, or if a table is named and the crate was built without the feature
/// `dynamodb`. A table cannot be ignored, because an approval would then count more than once.
pub fn approvals(config: &ApprovalConfig) -> Result<Approvals, FromConfigError> {
    let keys = match &config.key {
        ApprovalKey::Secret(id) => ApprovalKeys::from_source(SecretsManager::new(id)),
        ApprovalKey::Literal(key) => ApprovalKeys::literal(key.clone())?,
    };
    let approvals = Approvals::new(keys).ttl(config.ttl).developer_hints(config.developer_hints);
    match &config.table {
        #[cfg(feature = "dynamodb")]
        Some(table) => Ok(approvals.replay_store(DynamoReplayStore::new(table))),
        #[cfg(not(feature = "dynamodb"))]
        Some(_table) => Err(FromConfigError::MissingFeature(crate::config::tables_unsupported_error())),
        None if config.remembers_in_memory => Ok(approvals.replay_store(MemoryReplayStore::new())),
        None => Ok(approvals),
    }
}

/// Builds the budgets from the settings, for an endpoint that was not created by [`endpoint`]. [`endpoint`] calls it, too.
/// Without a table they are counted in the memory of this process, which settings from variables allow only in local mode.
///
/// # Errors
/// [`FromConfigError`] if a table is named and the crate was built without the feature `dynamodb`.
pub fn budgets(config: &BudgetConfig) -> Result<Budgets, FromConfigError> {
    let budgets = match &config.table {
        #[cfg(feature = "dynamodb")]
        Some(table) => Budgets::new(DynamoBudgetStore::new(table)),
        #[cfg(not(feature = "dynamodb"))]
        Some(_table) => {
            return Err(FromConfigError::MissingFeature(crate::config::tables_unsupported_error()));
        }
        None => Budgets::new(MemoryBudgetStore::new()),
    };
    let budgets = match config.user_tokens {
        Some(tokens) => budgets.user_tokens(tokens),
        None => budgets,
    };
    Ok(match config.org_tokens {
        Some(tokens) => budgets.org_tokens(tokens),
        None => budgets,
    })
}

/// Creates an endpoint builder from the settings: what a request has to prove, the path of runs, the limits and the budgets.
///
/// `caller` is called once for each authenticated request, and returns `Result<C, Forbidden>`. It turns the proven claims
/// into the application's caller, or returns [`Forbidden`](crate::auth::Forbidden), which the client gets as the status 403.
///
/// # Errors
/// [`FromConfigError`] if a setting is unusable. Settings that [`Config::from_env`] has read are usable.
pub fn endpoint<C: Send + Sync + 'static, R: MappingResult<Caller: CallerOfTools<C>>>(
    config: &Config,
    agent: Agent<C>,
    caller: impl Fn(&Claims) -> R + Send + Sync + 'static,
) -> Result<EndpointBuilder<C>, FromConfigError> {
    let mut builder = Endpoint::builder(agent, caller)
        .require(config.auth)
        .token_header(config.token_header.clone())
        .trusted_signers(config.iam_principals.clone())
        .principal_claims(PrincipalClaims {
            user: config.claims.user.clone(),
            org: config.claims.org.clone(),
        })
        .caller_claims(config.claims.of_grants().cloned())
        .run_path(&config.run_path)
        .max_body_bytes(config.max_body_bytes)
        .input_limits(config.input_limits)
        .keep_alive(config.keep_alive)
        .cors_origins(config.cors_origins.clone());
    match &config.token {
        Some(TokenSource::Secret(id)) => {
            let (secret, grace) = (SecretsManager::new(id), config.token_grace);
            builder = builder.token(match config.is_local {
                true => SharedToken::from_local_source(secret, grace),
                false => SharedToken::from_source(secret, grace),
            });
        }
        Some(TokenSource::Literal(token)) => builder = builder.token(SharedToken::literal(token.clone())?),
        None => {}
    }
    if let Some(settings) = &config.budgets {
        builder = builder.budgets(budgets(settings)?);
    }
    if config.is_local {
        builder = builder.developer_hints(developer_hints(config));
    }
    if let Some(user_tokens) = &config.user_tokens {
        if config.auth.admits_user_token() {
            let UserTokenConfig { issuer, audiences, .. } = user_tokens;
            info!(issuer, audience = audiences.join(","), "{JWT_ADMITS}");
        }
        builder = builder.user_tokens(UserTokens::new(user_tokens.clone())?);
    }
    Ok(builder)
}

/// Returns the hints for rejections in local mode, with the facts about this function that they may name: where the
/// token is, and the expected issuer and audience.
fn developer_hints(config: &Config) -> DeveloperHints {
    let hints = DeveloperHints::new().trusted_signers("IAM principal", "AGUI_IAM_PRINCIPALS");
    let hints = match &config.token {
        Some(TokenSource::Literal(_)) => {
            hints.token_origin("that the terminal has printed, or that AGUI_TOKEN holds")
        }
        Some(TokenSource::Secret(id)) => {
            hints.token_origin(format!("that the secret {id} of AWS Secrets Manager holds"))
        }
        None => hints,
    };
    match &config.user_tokens {
        Some(UserTokenConfig { issuer, audiences, .. }) => hints.user_tokens(issuer, audiences.join(" or ")),
        None => hints,
    }
}

/// Builds the models in the order of the settings. The models whose key is in the secret share one cache of it.
///
/// # Errors
/// [`FromConfigError`] if the address of a provider is unusable, or if a key is in the secret and no secret is named.
fn build_models(config: &ModelConfig) -> Result<Vec<Arc<dyn Model>>, FromConfigError> {
    #[cfg(feature = "http-models")]
    let keys = config.key_secret_id.as_ref().map(|id| ApiKeySecret::new(SecretsManager::new(id)));
    let mut models: Vec<Arc<dyn Model>> = Vec::with_capacity(config.names.len());
    for name in &config.names {
        models.push(match name {
            ModelName::ScriptedDemo => Arc::new(demo(config.scripted_delay)),
            #[cfg(feature = "bedrock")]
            ModelName::Bedrock { model } => Arc::new(build_bedrock(model, config)),
            #[cfg(feature = "http-models")]
            ModelName::Http { provider, model, base_url, key } => {
                let key = match key {
                    KeySource::None => Credentials::None,
                    KeySource::Literal(key) => key.clone().into(),
                    KeySource::Secret(variable) => {
                        let keys = keys.as_ref().ok_or(FromConfigError::NoKeySecret)?;
                        keys.key_for(variable).into()
                    }
                    #[cfg(feature = "bedrock")]
                    KeySource::Bedrock { region } => {
                        Credentials::Provider(Arc::new(BedrockApiKeys::new(region)))
                    }
                };
                let mut http = HttpModel::new(provider, model, key).idle_timeout(config.idle_timeout);
                if let Some(url) = base_url {
                    http = http.base_url(url)?;
                }
                if let Some(hosts) = &config.media_hosts {
                    http = http.media_hosts(hosts.clone());
                }
                Arc::new(http)
            }
        });
    }
    Ok(models)
}

/// Builds a model of Amazon Bedrock with the idle timeout, the guardrail and the prompt cache of the settings.
#[cfg(feature = "bedrock")]
fn build_bedrock(model: &str, config: &ModelConfig) -> Bedrock {
    let mut bedrock = Bedrock::new(model).idle_timeout(config.idle_timeout);
    if let Some(guardrail) = &config.guardrail {
        bedrock = bedrock.guardrail(&guardrail.id, &guardrail.version);
    }
    match config.prompt_cache {
        Some(is_on) => bedrock.prompt_cache(is_on),
        None => bedrock,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn approval_table_is_used_or_refused() {
        let key = ApprovalKey::Literal("k".repeat(32).into());
        let ttl = Duration::from_secs(900);
        let config = ApprovalConfig {
            key,
            ttl,
            table: Some("approvals".into()),
            remembers_in_memory: false,
            developer_hints: false,
        };

        let with_table = approvals(&config);
        if cfg!(feature = "dynamodb") {
            assert!(with_table.unwrap().configured_replay_store().is_some());
        } else {
            let error = with_table.unwrap_err().to_string();
            assert!(error.starts_with("AGUI_TABLE needs the feature `dynamodb`"), "{error}");
        }
        let without_table = ApprovalConfig { table: None, ..config };
        assert!(approvals(&without_table).unwrap().configured_replay_store().is_none());
        let local = ApprovalConfig { remembers_in_memory: true, ..without_table };
        assert!(approvals(&local).unwrap().configured_replay_store().is_some());
    }
}
