//! Verified claims of a caller stay out of the prompt.

use std::sync::{Arc, Mutex};

use ag_ui_lambda::auth::ClaimSource;
use ag_ui_lambda::lambda::claim_source::{COGNITO_AUTHORIZER, IAM, JWT_AUTHORIZER, LAMBDA_AUTHORIZER};
use ag_ui_lambda::model::{Request, Script, Scripted};
use serde_json::json;

use crate::support::endpoint::{TestRequest, endpoint_of, run_request};
use crate::support::scenario::RecordingModel;

/// Serves a request and returns the request that the model received.
async fn model_request(request: TestRequest) -> Request {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let model =
        RecordingModel { model: Scripted::new(|_| Script::new().text("Hello")), seen: Arc::clone(&seen) };
    let answer = request.send_to(&endpoint_of(model).build().unwrap()).await;

    assert_eq!(answer.status, 200);
    seen.lock().unwrap().pop().unwrap()
}

#[tokio::test]
async fn claims_do_not_change_the_model_request() {
    let anonymous = model_request(run_request()).await;
    for source in [IAM, JWT_AUTHORIZER, LAMBDA_AUTHORIZER, COGNITO_AUTHORIZER, ClaimSource::UserToken] {
        let claims = json!({
            "sub": "planted-subject", "principalId": "planted-subject", "userArn": "planted-arn",
            "email": "planted@example.com", "custom:org_id": "planted-org", "scope": "planted-scope",
        });

        let request = model_request(run_request().claims(source, claims)).await;

        assert_eq!(request, anonymous, "{source:?}");
        assert!(!format!("{request:?}").contains("planted"), "{source:?}");
    }
}
