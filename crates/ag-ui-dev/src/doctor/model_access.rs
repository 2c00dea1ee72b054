//! The check of Bedrock: whether this account may use the model in this region.
//!
//! It asks Bedrock's catalog, which costs nothing. `make deploy` sends each model one small request instead, because that
//! subscribes the account, too. Their sentences are the same.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::account::Account;
use super::aws::{Aws, AwsError};
use super::confirmed::{Confirmed, Unconfirmed};
use super::models::Models;
use super::report::Finding;

const CHECK: &str = "bedrock-access";
/// Why there is nothing to check.
const NO_MODEL: &str = "the model is not one of Bedrock";
/// An inference profile has the name of the model behind one of these prefixes.
const PROFILES: [&str; 14] =
    ["global", "us-gov", "us", "eu", "apac", "au", "jp", "ca", "sa", "me", "af", "uk", "in", "kr"];

/// Why a model of mantle is not checked.
const MANTLE: &str = "access cannot be checked without a request that is paid, which `make deploy` sends";

const FORM: &str = "Anthropic's models need a form about your use of them, once in each account: Bedrock console > Model catalog > a model of Anthropic > Submit use case details. Access follows within 15 minutes.";
const MARKETPLACE: &str = "Most models are sold through AWS Marketplace. The first request of an account subscribes to the model, and whoever sends it needs aws-marketplace:ViewSubscriptions and aws-marketplace:Subscribe, which the function's role does not get. Send one as somebody who has them; a subscription can take two minutes to be valid:";

/// Where a model is used.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    region: &'a str,
    /// What a command of the AWS CLI needs to find the account and region.
    cli_options: &'a str,
}

/// Checks each model of Bedrock.
pub(super) async fn check(models: &Models, account: &Account) -> Finding {
    if !models.uses_bedrock() {
        return Finding::skipped(CHECK, NO_MODEL);
    }
    let aws = match account.aws() {
        Ok(aws) => aws,
        Err(reason) => return Finding::skipped(CHECK, reason),
    };
    let mut found = Confirmed::default();
    for (adapter, id) in models.of_bedrock() {
        let result = match adapter {
            "bedrock" => access(aws, id, account.cli_options()).await,
            _ => Err(Unconfirmed::Unknown(MANTLE.to_owned())),
        };
        if let Err((problem, fix)) = found.add(id, result) {
            return Finding::failed(CHECK, problem, fix);
        }
    }
    found.finding(CHECK, NO_MODEL, |usable| format!("this account can use {usable} in {}", aws.region()))
}

/// Checks one model.
async fn access(aws: &Aws, id: &str, cli_options: &str) -> Result<(), Unconfirmed> {
    if id.starts_with("arn:") {
        return Err(Unconfirmed::Unknown("it is named by an ARN".to_owned()));
    }
    let model = foundation_model(id);
    if model != id {
        let profile = aws.bedrock(&format!("/inference-profiles/{}", encoded(id))).await;
        profile.map_err(|error| unconfirmed(id, aws.region(), &error))?;
    }
    let availability = aws.bedrock(&format!("/foundation-model-availability/{}", encoded(model))).await;
    let availability = availability.map_err(|error| unconfirmed(id, aws.region(), &error))?;
    let needs_form = match model.starts_with("anthropic.") && !is_agreed(&availability) {
        true => aws
            .bedrock("/use-case-for-model-access")
            .await
            .is_err_and(|error| error.code == "ResourceNotFoundException"),
        false => false,
    };
    judge(id, Place { region: aws.region(), cli_options }, &availability, needs_form)
}

/// Returns the model behind an inference profile, or the model itself.
fn foundation_model(id: &str) -> &str {
    match id.split_once('.') {
        Some((prefix, model)) if PROFILES.contains(&prefix) && model.contains('.') => model,
        _ => id,
    }
}

/// Percent-encodes a part of a path.
fn encoded(part: &str) -> String {
    utf8_percent_encode(part, NON_ALPHANUMERIC).to_string().replace("%2E", ".").replace("%2D", "-")
}

/// Reads an error of Bedrock's catalog.
fn unconfirmed(id: &str, region: &str, error: &AwsError) -> Unconfirmed {
    match error.code.as_str() {
        "ResourceNotFoundException" | "ValidationException" => Unconfirmed::Denied(
            format!("Bedrock has no model {id} in {region}: {error}"),
            "the Bedrock console lists the models of a region under Model catalog, and its inference profiles under Cross-region inference".to_owned(),
        ),
        _ => Unconfirmed::Unknown(error.to_string()),
    }
}

/// Whether the account has accepted the terms of the model.
fn is_agreed(availability: &Value) -> bool {
    availability["agreementAvailability"]["status"] == "AVAILABLE"
        && availability["entitlementAvailability"] == "AVAILABLE"
}

/// Decides about a model by what Bedrock says about its availability.
fn judge(id: &str, place: Place<'_>, availability: &Value, needs_form: bool) -> Result<(), Unconfirmed> {
    let Place { region, cli_options } = place;
    let denied = |problem: String, fix: String| Err(Unconfirmed::Denied(problem, fix));
    let first_request = format!(
        "  aws bedrock-runtime converse --model-id {id}{cli_options} \\\n    --messages '[{{\"role\":\"user\",\"content\":[{{\"text\":\"Hello\"}}]}}]'"
    );
    // A profile may lead to other regions.
    if availability["regionAvailability"] == "NOT_AVAILABLE" && foundation_model(id) == id {
        let fix = format!("choose another region, or an inference profile, as bedrock/global.{id}");
        return denied(format!("{id} is not available in {region}"), fix);
    }
    if availability["authorizationStatus"] == "NOT_AUTHORIZED" {
        let fix = "an administrator of the organisation must allow the model, because a policy forbids it"
            .to_owned();
        return denied(format!("this account is not authorised to use {id}"), fix);
    }
    if needs_form {
        return denied(
            format!("this account has not submitted the use case details that {id} needs"),
            FORM.to_owned(),
        );
    }
    let agreement = &availability["agreementAvailability"];
    match agreement["status"].as_str() {
        _ if is_agreed(availability) => Ok(()),
        Some("PENDING") => denied(
            format!("the subscription to {id} is not valid yet"),
            "wait some minutes, and run this again".to_owned(),
        ),
        Some("ERROR") => denied(
            format!(
                "the subscription to {id} has failed: {}",
                agreement["errorMessage"].as_str().unwrap_or("no reason")
            ),
            format!("correct what it says, and then send one request:\n{first_request}"),
        ),
        _ => denied(
            format!("this account has no subscription to {id} yet"),
            format!("{MARKETPLACE}\n{first_request}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn profile_leads_to_its_model() {
        for (id, model) in [
            ("global.anthropic.claude-haiku-5-5", "anthropic.claude-haiku-5-5"),
            ("us-gov.amazon.nova-2", "amazon.nova-2"),
            ("amazon.nova-2-lite-v1:0", "amazon.nova-2-lite-v1:0"),
            ("us.custom", "us.custom"),
        ] {
            assert_eq!(foundation_model(id), model);
        }
        assert_eq!(encoded("amazon.nova-2-lite-v1:0"), "amazon.nova-2-lite-v1%3A0");
    }

    #[test]
    fn each_kind_of_missing_access_is_explained() {
        let usual = json!({
            "agreementAvailability": {"status": "AVAILABLE"}, "authorizationStatus": "AUTHORIZED",
            "entitlementAvailability": "AVAILABLE", "regionAvailability": "AVAILABLE",
        });
        let with = |name: &str, value: Value| {
            let mut changed = usual.clone();
            changed[name] = value;
            changed
        };
        let model = "anthropic.claude";
        let place = Place { region: "r", cli_options: " --region r" };
        assert_eq!(judge(model, place, &usual, false), Ok(()));
        for (availability, needs_form, problem, fix) in [
            (
                with("regionAvailability", json!("NOT_AVAILABLE")),
                false,
                "is not available in r",
                "bedrock/global.anthropic.claude",
            ),
            (with("authorizationStatus", json!("NOT_AUTHORIZED")), false, "not authorised", "administrator"),
            (
                with("agreementAvailability", json!({"status": "NOT_AVAILABLE"})),
                true,
                "use case details",
                "Submit use case details",
            ),
            (
                with("agreementAvailability", json!({"status": "NOT_AVAILABLE"})),
                false,
                "no subscription",
                "aws bedrock-runtime converse --model-id anthropic.claude --region r",
            ),
            (with("agreementAvailability", json!({"status": "PENDING"})), false, "not valid yet", "wait"),
            (
                with("agreementAvailability", json!({"status": "ERROR", "errorMessage": "no card"})),
                false,
                "no card",
                "correct",
            ),
            (
                with("entitlementAvailability", json!("NOT_AVAILABLE")),
                false,
                "no subscription",
                "Marketplace",
            ),
        ] {
            let Err(Unconfirmed::Denied(found, advice)) = judge(model, place, &availability, needs_form)
            else {
                panic!("{availability} is accepted");
            };
            assert!(found.contains(problem), "{found}");
            assert!(advice.contains(fix), "{advice}");
        }
        let elsewhere = with("regionAvailability", json!("NOT_AVAILABLE"));
        assert_eq!(judge("global.anthropic.claude", place, &elsewhere, false), Ok(()));
    }

    #[test]
    fn unknown_model_fails_and_a_missing_permission_does_not() {
        let error = |code: &str| AwsError { code: code.into(), message: "m".into() };
        assert!(matches!(
            unconfirmed("a.b", "r", &error("ResourceNotFoundException")),
            Unconfirmed::Denied(..)
        ));
        assert!(matches!(unconfirmed("a.b", "r", &error("AccessDeniedException")), Unconfirmed::Unknown(_)));
    }
}
