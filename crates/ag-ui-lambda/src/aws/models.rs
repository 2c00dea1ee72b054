//! The models that the settings name, made ready for an agent.

use std::sync::Arc;

use lambda_runtime::Error;

#[cfg(feature = "http-models")]
use super::SecretsManager;
use super::approvals::approvals;
use crate::agent::{Agent, AgentBuilder};
use crate::config::{Config, ModelConfig, ModelName};
#[cfg(feature = "http-models")]
use crate::config::{ConfigError, KeyPlace};
#[cfg(feature = "http-models")]
use crate::keys::SecretKeys;
#[cfg(feature = "bedrock")]
use crate::model::Bedrock;
#[cfg(feature = "http-models")]
use crate::model::{ApiKey, Hosted};
use crate::model::{Model, demo};

/// Starts an agent from the settings: its models with their fallbacks, how they are asked, its limits, what clients may
/// do, and what proves approvals.
///
/// Nothing is sent yet. An agent with a model of one's own starts from [`Agent::builder`].
///
/// # Errors
/// [`ConfigError`](crate::config::ConfigError) for a provider's address that can't be used.
pub fn agent<C: Send + Sync + 'static>(config: &Config) -> Result<AgentBuilder<C>, Error> {
    let mut models = models(&config.models)?.into_iter();
    let first = models.next().ok_or("no model is named")?;
    let agent = models.fold(Agent::builder(first), AgentBuilder::fallback);
    let agent = agent.settings(config.models.settings.clone()).limits(config.limits);
    let agent = config.client.apply(agent);
    Ok(match &config.approvals {
        Some(settings) => agent.approvals(approvals(settings)?),
        None => agent,
    })
}

fn models(config: &ModelConfig) -> Result<Vec<Arc<dyn Model>>, Error> {
    #[cfg(feature = "http-models")]
    let keys = config.secret.as_ref().map(|id| SecretKeys::new(SecretsManager::new(id)));
    let mut models: Vec<Arc<dyn Model>> = Vec::with_capacity(config.names.len());
    for name in &config.names {
        models.push(match name {
            ModelName::ScriptedDemo => Arc::new(demo(config.scripted_delay)),
            #[cfg(feature = "bedrock")]
            ModelName::Bedrock { model } => Arc::new(bedrock(model, config)),
            #[cfg(feature = "http-models")]
            ModelName::Hosted { provider, model, base_url, key } => {
                let key = match key {
                    KeyPlace::Nowhere => ApiKey::None,
                    KeyPlace::Here(key) => key.clone().into(),
                    KeyPlace::Secret(variable) => {
                        let keys = keys.as_ref().ok_or("the secret of the providers' keys is not named")?;
                        keys.named(variable).into()
                    }
                };
                let mut hosted = Hosted::new(provider, model, key).idle_timeout(config.idle_timeout);
                if let Some(url) = base_url {
                    hosted = hosted.base_url(url).map_err(|fault| ConfigError {
                        variable: provider.base_url_variable(),
                        problem: format!("is unusable: {fault}"),
                    })?;
                }
                Arc::new(hosted)
            }
        });
    }
    Ok(models)
}

#[cfg(feature = "bedrock")]
fn bedrock(model: &str, config: &ModelConfig) -> Bedrock {
    let mut bedrock = Bedrock::new(model).idle_timeout(config.idle_timeout);
    if let Some(guardrail) = &config.guardrail {
        bedrock = bedrock.guardrail(&guardrail.id, &guardrail.version);
    }
    match config.prompt_cache {
        Some(is_on) => bedrock.prompt_cache(is_on),
        None => bedrock,
    }
}
