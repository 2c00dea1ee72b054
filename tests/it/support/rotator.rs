//! `ag-ui-rotate`, the real binary, driven by the events that Secrets Manager sends.

use ag_ui_dev::FunctionError;
use serde_json::json;

use super::function::{Function, start};
use super::moto::Moto;

/// What Secrets Manager asks for, in its order.
pub(crate) const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// The running function that rotates moto's secrets.
pub(crate) struct Rotator(Function);

impl Rotator {
    pub(crate) async fn start() -> Self {
        Self(start(env!("CARGO_BIN_EXE_ag-ui-rotate"), &Moto::shared().env()).await)
    }

    /// Asks for one step; an error is the message that Lambda is told.
    pub(crate) async fn step(&self, step: &str, secret: &str, version: &str) -> Result<(), String> {
        let event = json!({"Step": step, "SecretId": secret, "ClientRequestToken": version});
        match self.0.invoke(&event).await {
            Ok(mut answer) => {
                assert_eq!(answer.text().await, "null", "{step} answers nothing");
                Ok(())
            }
            Err(FunctionError::Failed(failure)) => Err(failure.error_message),
            Err(other) => panic!("{step}: {other}"),
        }
    }

    /// Rotates a secret as Secrets Manager does.
    pub(crate) async fn rotate(&self, secret: &str) {
        let (arn, version) = Moto::shared().begin_rotation(secret).await;
        for step in STEPS {
            assert_eq!(self.step(step, &arn, &version).await, Ok(()), "{step}");
        }
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        self.0.logs().join("\n")
    }
}
