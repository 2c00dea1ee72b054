//! The adapter of each wire in this process, with a stand-in for its provider.

use std::sync::Arc;

use ag_ui_dev::provider::Wire;
use ag_ui_lambda::model::{Bedrock, HttpModel, Model, Provider};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use secrecy::SecretString;

use crate::provider::{KEY, model};

/// Returns a model that sends its requests over this wire to the provider at `url`.
pub fn provider_model(wire: Wire, url: &str) -> Arc<dyn Model> {
    let (adapter, id) = model(wire).split_once('/').unwrap();
    let Some(provider) = Provider::named(adapter) else {
        let credentials = Credentials::new("AKIDTEST", KEY, None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(url)
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        return Arc::new(Bedrock::new(id).with_config(&config));
    };
    let path = if matches!(wire, Wire::OpenAiChat | Wire::OpenAiResponses) { "/v1" } else { "" };
    let model = HttpModel::new(provider, id, SecretString::from(KEY));
    Arc::new(model.base_url(&format!("{url}{path}")).unwrap())
}
