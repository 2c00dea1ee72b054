//! Lambda's tenant isolation: an environment serves only callers of its own tenant.

use ag_ui_dev::Invocation;
use http::HeaderValue;
use serde_json::Value;

use super::{sample_event, wait_for_log_line};
use crate::support::function::{Reply, local_function};

#[tokio::test]
async fn refuses_callers_of_another_tenant() {
    let function = local_function(&[]).await;
    let capabilities = || {
        let mut event = sample_event("rest-cognito.json");
        event["httpMethod"] = "GET".into();
        event["requestContext"]["httpMethod"] = "GET".into();
        event["path"] = "/capabilities".into();
        event["body"] = Value::Null;
        event
    };
    for (why, event, tenant, status) in [
        ("no tenant", sample_event("rest-cognito.json"), None, 200),
        ("the caller's own", sample_event("rest-cognito.json"), Some("acme"), 200),
        ("another", sample_event("rest-cognito.json"), Some("globex"), 403),
        ("one that only begins alike", sample_event("rest-cognito.json"), Some("acme2"), 403),
        ("in another case", sample_event("rest-cognito.json"), Some("Acme"), 403),
        ("an empty one", sample_event("rest-cognito.json"), Some(""), 403),
        ("a caller of no organisation", sample_event("rest-none.json"), Some("acme"), 403),
        ("the caller's own, for the capabilities", capabilities(), Some("acme"), 200),
        ("another, for the capabilities", capabilities(), Some("globex"), 403),
        ("health, which is of nobody", sample_event("function-url-health.json"), Some("globex"), 200),
    ] {
        let tenant_id = tenant.map(HeaderValue::from_static);
        let invocation = Invocation { tenant_id, ..Default::default() };

        let reply = Reply::read(function.invoke_with(&event, invocation).await.unwrap()).await;

        assert_eq!(reply.status, status, "{why}: {}", reply.text);
        if status == 403 {
            assert_eq!(reply.json()["error"]["code"], "FORBIDDEN", "{why}");
        }
    }
    wait_for_log_line(&function, "does not belong to the tenant").await;
}

#[tokio::test]
async fn organisation_is_read_from_the_configured_claim() {
    let function = local_function(&[("AGUI_CLAIM_ORG", "custom:plan")]).await;
    for (tenant, status) in [("pro", 200), ("acme", 403)] {
        let tenant_id = Some(HeaderValue::from_static(tenant));
        let invocation = Invocation { tenant_id, ..Default::default() };
        let answer = function.invoke_with(&sample_event("rest-cognito.json"), invocation).await.unwrap();

        assert_eq!(answer.status(), status, "{tenant}");
        Reply::read(answer).await;
    }
}
