//! What is proven about a caller stays out of the prompt.

use std::sync::{Arc, Mutex};

use ag_ui_lambda::endpoint::ClaimSource;
use ag_ui_lambda::model::{Request, Script, Scripted};
use serde_json::json;

use crate::support::endpoint::{Asked, endpoint_of, post};
use crate::support::scenario::Watched;

/// What the model is asked when this request is served.
async fn asked_of_the_model(asked: Asked) -> Request {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let model = Watched { model: Scripted::new(|_| Script::new().text("Hello")), seen: Arc::clone(&seen) };
    let answer = asked.to(&endpoint_of(model).build().unwrap()).await;

    assert_eq!(answer.status, 200);
    seen.lock().unwrap().pop().unwrap()
}

#[tokio::test]
async fn given_claims_of_any_source_when_a_run_is_served_then_the_model_is_asked_what_it_would_be_without() {
    let anonymous = asked_of_the_model(post()).await;
    for source in [
        ClaimSource::Iam,
        ClaimSource::JwtAuthorizer,
        ClaimSource::LambdaAuthorizer,
        ClaimSource::CognitoAuthorizer,
        ClaimSource::UserToken,
    ] {
        let claims = json!({
            "sub": "planted-subject", "principalId": "planted-subject", "userArn": "planted-arn",
            "email": "planted@example.com", "custom:org_id": "planted-org", "scope": "planted-scope",
        });

        let request = asked_of_the_model(post().claims(source, claims)).await;

        assert_eq!(request, anonymous, "{source:?}");
        assert!(!format!("{request:?}").contains("planted"), "{source:?}");
    }
}
