//! The real binary of `ag-ui-rotate`, invoked with the events that Secrets Manager sends.

use ag_ui_dev::FunctionError;
use serde_json::json;

use super::function::{Function, start};
use super::moto::Moto;

/// The steps of a rotation, in the order of Secrets Manager.
pub(crate) const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// A running rotation function for moto's secrets.
pub(crate) struct RotationFunction(Function);

impl RotationFunction {
    /// Starts the rotation function with moto as AWS, and waits until it is ready.
    pub(crate) async fn start() -> Self {
        Self(start(env!("CARGO_BIN_EXE_ag-ui-rotate"), &Moto::shared().env()).await)
    }

    /// Invokes the function for one step of a rotation of `secret` to the version with the id `version`. An error is the
    /// message that the function reports to Lambda.
    pub(crate) async fn invoke_step(&self, step: &str, secret: &str, version: &str) -> Result<(), String> {
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

    /// Begins a rotation of a secret in moto and invokes all four steps, which must succeed.
    pub(crate) async fn rotate(&self, secret: &str) {
        let (arn, version) = Moto::shared().begin_rotation(secret).await;
        for step in STEPS {
            assert_eq!(self.invoke_step(step, &arn, &version).await, Ok(()), "{step}");
        }
    }

    /// Returns all lines that the function has logged so far.
    pub(crate) fn log(&self) -> String {
        self.0.logs().join("\n")
    }
}
