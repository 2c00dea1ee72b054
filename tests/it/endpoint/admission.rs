//! Admission: the application's last check before a run, its refusals and their place in the order of all checks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ag_ui_lambda::endpoint::{Admission, Endpoint, Refusal};
use ag_ui_lambda::lambda::claim_source::JWT_AUTHORIZER;
use ag_ui_lambda::model::{Script, Scripted};
use ag_ui_lambda::{Agent, Claims, Forbidden};
use serde_json::{Value, json};

use super::faults::{FAULTS, LIMIT};
use crate::support::endpoint::{FixedTokens, TestRequest, endpoint, endpoint_of, run_request};
use crate::support::scenario::Caller;

/// Returns an endpoint that refuses every run with 429, and the number of runs that it was asked about.
fn refusing_endpoint() -> (Endpoint<Caller>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let admit = move |_: Admission<Caller>| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Err(Refusal::limited("Not now.", Duration::from_secs(60))) }
    };
    let endpoint = endpoint().max_body_bytes(LIMIT).user_tokens(FixedTokens).admit(admit).build().unwrap();
    (endpoint, asked)
}

/// Returns a request that passes every check before admission.
fn valid_request() -> TestRequest {
    run_request().header("x-agui-user-token", "good")
}

#[tokio::test]
async fn refusal_has_status_code_message_and_retry_after() {
    let minute = Duration::from_secs(60);
    for (refusal, status, code, retry_after) in [
        (Refusal::payment_required("Please choose a plan."), 402, "PAYMENT_REQUIRED", None),
        (Refusal::forbidden("Your account is closed."), 403, "FORBIDDEN", None),
        (Refusal::limited("You have used your runs of today.", minute), 429, "LIMITED", Some("60")),
    ] {
        let message = refusal.to_string();
        let model = Scripted::new(|_| panic!("a refused run asks no model"));
        let admit = move |_: Admission<Caller>| std::future::ready(Err(refusal.clone()));
        let response = run_request().send_to(&endpoint_of(model).admit(admit).build().unwrap()).await;

        assert_eq!(response.status, status, "{code}");
        let body: Value = serde_json::from_str(&response.text).unwrap();
        assert_eq!(body, json!({"error": {"code": code, "message": message}}));
        assert_eq!(response.header("retry-after"), retry_after, "{code}");
        assert_eq!(response.header("content-type"), Some("application/json"), "{code}");
    }
}

#[tokio::test]
async fn admission_is_the_last_check() {
    let (endpoint, asked) = refusing_endpoint();
    for fault in FAULTS {
        let response = (fault.apply)(valid_request()).send_to(&endpoint).await;

        assert_eq!((response.status, response.code().as_str()), (fault.status, fault.code), "{}", fault.why);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(valid_request().send_to(&endpoint).await.status, 429);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn capabilities_and_health_need_no_admission() {
    let (endpoint, asked) = refusing_endpoint();
    for path in ["/capabilities", "/health"] {
        assert_eq!(valid_request().route("GET", path).send_to(&endpoint).await.status, 200, "{path}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn admission_sees_claims_and_input_and_completes_the_caller() {
    /// Admits the run as a caller whose name has all that the function was given.
    async fn admit(admission: Admission<Caller>) -> Result<Caller, Refusal> {
        let mapped = admission.caller().user.clone();
        let plan = admission.claims().text("plan").map(ToOwned::to_owned);
        let thread = admission.input().thread_id.to_string();
        tokio::task::yield_now().await;
        let caller = admission.into_caller();
        Ok(Caller { user: Some([mapped, caller.user, plan, Some(thread)].map(Option::unwrap).join(" ")) })
    }
    let model =
        Scripted::turns([Script::new().call("c1", "whoami", &json!({})), Script::new().words("Done")]);
    let endpoint = endpoint_of(model).admit(admit).build().unwrap();
    let response =
        run_request().claims(JWT_AUTHORIZER, json!({"sub": "u-1", "plan": "pro"})).send_to(&endpoint).await;

    assert_eq!(response.status, 200);
    assert!(response.text.contains("u-1 u-1 pro t"), "{}", response.text);
}

#[tokio::test]
async fn run_that_answers_interrupts_is_passed_to_admission() {
    let admit = async |admission: Admission<Caller>| match admission.input().resume.is_empty() {
        true => Ok(admission.into_caller()),
        false => Err(Refusal::forbidden("Not with an answer.")),
    };
    let endpoint = endpoint().admit(admit).build().unwrap();
    let answer = json!([{"interruptId": "unknown", "status": "cancelled"}]);

    assert_eq!(run_request().send_to(&endpoint).await.status, 200);
    let response = run_request().input("resume", answer).send_to(&endpoint).await;
    assert_eq!((response.status, response.code().as_str()), (403, "FORBIDDEN"));
}

#[tokio::test]
async fn panic_in_the_mapping_of_claims_is_500() {
    let agent = Agent::builder(Scripted::new(|_| panic!("no run starts"))).build().unwrap();
    let panics = |_: &Claims| -> Result<Caller, Forbidden> { panic!("with s3cret") };
    let endpoint = Endpoint::builder(agent, panics).without_auth().build().unwrap();

    let response = run_request().send_to(&endpoint).await;

    assert_eq!((response.status, response.code().as_str()), (500, "INTERNAL"));
    assert!(!response.text.contains("s3cret"), "{}", response.text);
}

#[tokio::test(start_paused = true)]
async fn admission_that_does_not_decide_is_503() {
    let endless = |_: Admission<Caller>| std::future::pending::<Result<Caller, Refusal>>();
    let begun = tokio::time::Instant::now();

    let response = run_request().send_to(&endpoint().admit(endless).build().unwrap()).await;

    assert_eq!((response.status, response.code().as_str()), (503, "ADMISSION_UNAVAILABLE"));
    assert_eq!(response.header("retry-after"), Some("5"));
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn panic_in_admission_is_500() {
    /// Panics before it returns a future.
    fn panics_at_once(_: Admission<Caller>) -> std::future::Ready<Result<Caller, Refusal>> {
        panic!("at once, with s3cret")
    }
    /// Panics when it is polled.
    async fn panics_later(_: Admission<Caller>) -> Result<Caller, Refusal> {
        tokio::task::yield_now().await;
        panic!("later, with s3cret")
    }
    for endpoint in [endpoint().admit(panics_at_once), endpoint().admit(panics_later)] {
        let response = run_request().send_to(&endpoint.build().unwrap()).await;

        assert_eq!((response.status, response.code().as_str()), (500, "INTERNAL"));
        assert!(!response.text.contains("s3cret"), "{}", response.text);
    }
}
