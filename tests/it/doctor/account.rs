//! What the checks say about the region, the credentials and the stack.

use super::Sample;
use super::account_stub::{AccountStub, Played};

#[tokio::test]
async fn account_that_works_is_named() {
    let mut sample = Sample::new("account");
    let account = AccountStub::start(Played { stack: Some("UPDATE_COMPLETE"), ..Played::default() });
    sample.sign_in(&account.url());

    let printed = sample.doctor(&[]).await;

    assert_eq!(printed.code, 0, "{}", printed.text);
    printed.assert_ok("region", "eu-central-1, from AWS_REGION");
    printed.assert_ok(
        "credentials",
        "account 123456789012, as arn:aws:sts::123456789012:assumed-role/Developer/amelie",
    );
    printed.assert_ok("stack", "shop is UPDATE_COMPLETE");
    assert_eq!(account.services(), ["sts", "cloudformation"]);
}

#[tokio::test]
async fn missing_region_and_two_regions_fail() {
    let mut sample = Sample::new("region");
    let printed = sample.doctor(&[]).await;
    printed.assert_failed("region", "there is no region", "export AWS_REGION=");
    printed.assert_skipped("credentials", "there is no region");

    let account = AccountStub::start(Played::default());
    sample.sign_in(&account.url());
    sample.write(
        "samconfig.toml",
        "[default.deploy.parameters]\nstack_name = \"shop\"\nregion = \"eu-west-1\"\n",
    );
    sample.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let printed = sample.doctor(&[]).await;
    printed.assert_failed(
        "region",
        "AWS_REGION is eu-central-1, but samconfig.toml has the region eu-west-1",
        "unset AWS_REGION",
    );
    printed.assert_failed("credentials", "AWS cannot be reached in eu-west-1", "check the network");
}

#[tokio::test]
async fn credentials_that_aws_does_not_accept_fail() {
    for (why, identity, problem) in [
        (
            "expired",
            ("ExpiredToken", "The security token included in the request is expired"),
            "your credentials have expired",
        ),
        (
            "wrong",
            ("InvalidClientTokenId", "The security token included in the request is invalid"),
            "AWS does not accept your credentials",
        ),
    ] {
        let mut sample = Sample::new("identity");
        let account = AccountStub::start(Played { identity: Some(identity), ..Played::default() });
        sample.sign_in(&account.url());
        let printed = sample.doctor(&[]).await;
        printed.assert_failed("credentials", problem, "aws sso login");
        printed.assert_skipped("stack", "there are no valid credentials");
        assert_eq!(account.services(), ["sts"], "{why}");
    }
    let mut sample = Sample::new("no-credentials");
    sample.set("AWS_REGION", "eu-central-1");
    sample.doctor(&[]).await.assert_failed("credentials", "there are no credentials of AWS", "aws configure");

    // This program cannot read what `aws login` has written.
    sample.write("config", "[default]\nlogin_session = arn:aws:iam::123456789012:user/amelie\n");
    sample.set("AWS_CONFIG_FILE", "config");
    let printed = sample.doctor(&[]).await;
    printed.assert_failed(
        "credentials",
        "cannot read, such as that of `aws login`",
        "aws configure export-credentials",
    );
}

#[tokio::test]
async fn stack_that_cannot_be_updated_fails() {
    for (status, fix) in [
        ("ROLLBACK_COMPLETE", "aws cloudformation delete-stack --stack-name shop"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name shop"),
    ] {
        let mut sample = Sample::new("stack");
        let account = AccountStub::start(Played { stack: Some(status), ..Played::default() });
        sample.sign_in(&account.url());
        sample.doctor(&[]).await.assert_failed("stack", status, fix);
    }
    let mut sample = Sample::new("stack");
    let account = AccountStub::start(Played::default());
    sample.sign_in(&account.url());
    sample.doctor(&[]).await.assert_skipped("stack", "shop is not deployed in eu-central-1");
    let printed = sample.doctor(&["--env", "prod"]).await;
    printed.assert_failed(
        "stack",
        "samconfig.toml has no environment prod. It has: default",
        "--env names one",
    );
    sample.replace("samconfig.toml", "stack_name", "other");
    sample.doctor(&[]).await.assert_failed("stack", "no stack_name", "stack_name = \"my-agent\"");
    // SAM alone takes the name from the command line, too.
    sample.remove("scripts/deploy/deploy.mk");
    sample
        .doctor(&[])
        .await
        .assert_skipped("stack", "no stack_name, so `sam deploy` gets it as --stack-name");
}

#[tokio::test]
async fn local_checks_ask_nothing_of_the_account() {
    let mut sample = Sample::new("local");
    let account = AccountStub::start(Played::default());
    sample.sign_in(&account.url());
    sample.set("AGUI_TOKEN_SECRET_ID", "token");
    sample.set("AGUI_MODEL", "ollama/qwen3");

    let printed = sample.doctor(&["--local"]).await;

    for check in ["region", "credentials", "stack", "token-secret", "provider"] {
        printed.assert_skipped(check, "--local asks nothing of");
    }
    assert_eq!(account.services(), Vec::<String>::new());
}
