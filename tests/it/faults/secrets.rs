//! Secrets Manager is slow, denies access, or has a secret that was deleted. `secrets::outage` has the other outages.

use serde_json::Value;

use super::{has_nothing_internal, recovers_with};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::function::{Function, Reply, send_hello};
use crate::support::log::wait_for_log_line;
use crate::support::moto::Moto;

/// The token in the secrets of these tests.
const GOOD: &str = "good-0123456789abcdef0123456789ab";

/// Checks that a function which cannot read its secret refuses the right token, and that its log has a line about it.
async fn refuses_for_now(function: &Function) {
    let refused = send_hello(function, GOOD).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(refused.json()["error"]["code"], Value::from("SECRET_UNAVAILABLE"));
    has_nothing_internal(&refused.text);
    wait_for_log_line(function, "a secret or key set could not be fetched").await;
}

/// Checks that a function which has read its secret before still accepts the token in it, and no other.
async fn serves_on(function: &Function) {
    let refused: Reply = send_hello(function, "guess").await;
    assert_eq!(refused.status, 401, "{}", refused.text);
    recovers_with(function, GOOD, &[&refused.text]).await;
}

#[tokio::test]
async fn slow_store_delays_the_first_run_only() {
    Moto::shared().create_secret("faults-slow", GOOD).await;
    let proxy = FaultProxy::new(Some(Fault::LateResponse)).await;
    let function = proxy.function("faults-slow", &[]).await;
    let answers = async {
        proxy.wait_for_read().await;
        proxy.set_fault(None).await;
    };

    let (first, ()) = tokio::join!(send_hello(&function, GOOD), answers);

    assert_eq!(first.status, 200, "{}", first.text);
    proxy.set_fault(Some(Fault::LateResponse)).await;
    recovers_with(&function, GOOD, &[&first.text]).await;
}

#[tokio::test]
async fn denied_access_is_503_until_it_is_granted() {
    Moto::shared().create_secret("faults-denied", GOOD).await;
    let proxy = FaultProxy::new(Some(Fault::AccessDenied)).await;
    let function = proxy.function("faults-denied", &[]).await;
    refuses_for_now(&function).await;
    wait_for_log_line(&function, "AccessDeniedException").await;

    proxy.set_fault(None).await;
    recovers_with(&function, GOOD, &[]).await;

    proxy.set_fault(Some(Fault::AccessDenied)).await;
    serves_on(&function).await;
}

#[tokio::test]
async fn deleted_secret_is_503_until_it_is_restored() {
    let moto = Moto::shared();
    moto.create_secret("faults-deleted", GOOD).await;
    let proxy = FaultProxy::new(None).await;
    let warm = proxy.function("faults-deleted", &[]).await;
    recovers_with(&warm, GOOD, &[]).await;

    moto.delete_secret("faults-deleted").await;
    serves_on(&warm).await;
    let cold = proxy.function("faults-deleted", &[]).await;
    refuses_for_now(&cold).await;

    moto.restore_secret("faults-deleted").await;
    recovers_with(&cold, GOOD, &[]).await;
}
