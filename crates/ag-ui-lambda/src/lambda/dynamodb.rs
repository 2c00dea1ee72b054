//! One DynamoDB table for what all processes of a function share: used approvals and budgets.
//!
//! The key of the table is the string `id`, and `expires` is its time to live, in seconds since 1970. The ids of approvals have
//! no prefix: a version of this crate that knew only approvals wrote them so, and what it has recorded must still count after
//! an update. They are 32 characters without `#`. Everything else begins with a prefix and `#`, such as `budget#`.

mod approvals;
mod budgets;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use tokio::sync::OnceCell;

pub use approvals::DynamoReplayStore;
pub use budgets::DynamoBudgetStore;

/// A table, and the client that reads and writes it.
#[derive(Debug)]
struct Table {
    name: String,
    /// How long one attempt of a call may take.
    attempt_timeout: Duration,
    /// Built when it is first used, because it takes milliseconds, for which the start of the function should not wait.
    client: OnceCell<Client>,
}

impl Table {
    /// Names a table, which is used with the role and the region of the environment. One attempt of a call may take
    /// `attempt_timeout`. Nothing is read yet.
    fn new(name: impl Into<String>, attempt_timeout: Duration) -> Self {
        Self { name: name.into(), attempt_timeout, client: OnceCell::new() }
    }

    /// Returns the client. The first call builds it from the environment.
    async fn client(&self) -> &Client {
        let from_environment = async || {
            let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
            build_client(&config, self.attempt_timeout)
        };
        self.client.get_or_init(from_environment).await
    }
}

/// Builds a client whose calls take at most 5 s each, in up to 3 attempts.
fn build_client(config: &SdkConfig, attempt_timeout: Duration) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(attempt_timeout)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(200));
    Client::from_conf(Builder::from(config).timeout_config(timeouts).retry_config(retries).build())
}
