//! The checks of a deployed endpoint: what it lets in, what it refuses, and how it answers.
//!
//! Without `--run` no model is asked: a run without messages is answered with its beginning and its end.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{ALLOW, LOCATION, WWW_AUTHENTICATE};
use reqwest::Response;
use serde_json::Value;

use super::account::Account;
use super::clock;
use super::cors::{self, Page};
use super::endpoint_callers::Callers;
use super::endpoint_client::{EndpointClient, Proof};
use super::options::Options;
use super::project::Project;
use super::report::{Finding, Outcome};
use super::secrets::Secrets;
use super::stream::{self, EventStream};
use super::template::Template;

/// All checks of this group.
const CHECKS: [&str; 10] =
    ["health", "clock", "no-token", "wrong-token", "method", "cors", "token", "headers", "run", "streams"];
/// The checks that send a message to the agent.
const RUN_CHECKS: [&str; 2] = ["run", "streams"];

/// The name under which function URLs and REST APIs pass `WWW-Authenticate` on.
const RENAMED_CHALLENGE: &str = "x-amzn-remapped-www-authenticate";

/// How long a run may send no event. Comments, which only keep the connection open, do not count.
const SILENCE: Duration = Duration::from_secs(60);

/// A deployed endpoint.
pub(super) struct Endpoint<'a> {
    client: EndpointClient<'a>,
    options: &'a Options,
    /// What to do if the log of the function says more.
    log: String,
    /// What to do if something else answers at the URL.
    url: String,
    /// The entry point of the deployed stack; empty if none is known.
    entry_point: &'a str,
    /// Whether AWS or an authorizer decides about callers before the function.
    has_authorizer: bool,
    /// What the callers of the entry point send.
    callers: Callers,
    /// The origins that the deployed stack has.
    origins: Option<&'a str>,
    /// Whether the function sends a run in one piece on purpose.
    is_buffered: bool,
}

impl<'a> Endpoint<'a> {
    /// Makes the checks of the group "Endpoint".
    pub(super) async fn check(
        project: &'a Project,
        options: &'a Options,
        account: &'a Account,
        secrets: &'a Secrets,
    ) -> Vec<Finding> {
        let entry_point = account.output("EntryPoint").unwrap_or_default();
        let stack_url = stack_url(project, account, entry_point);
        let Some(url) = &options.url else {
            let hint = stack_url.map(|url| format!("; the stack's is {url}")).unwrap_or_default();
            let mut findings = Finding::all_skipped(&CHECKS, "--url names no endpoint");
            findings[0] = Finding::skipped(CHECKS[0], format!("--url names no endpoint{hint}"));
            return findings;
        };
        if ["signed-url", "rest-iam"].contains(&entry_point) {
            let reason = format!("EntryPoint={entry_point} lets only signed requests in, which are not sent");
            return Finding::all_skipped(&CHECKS, &reason);
        }
        let has_issuer = project.parameter("UserJwtIssuer").is_some();
        let callers = Callers::of(entry_point, has_issuer, options.jwt.is_some());
        let token = secrets.token.as_deref().filter(|_| callers.has_token);
        let token = token.map(|token| (secrets.token_header.as_str(), token));
        let jwt = callers.jwt.zip(options.jwt.as_deref());
        let endpoint = Self {
            client: EndpointClient::new(url, jwt, token),
            options,
            log: match account.output("LogGroup") {
                Some(group) => {
                    format!("its log says why:\n  aws logs tail {group} --since 10m{}", account.cli_options())
                }
                None => "its log in CloudWatch says why".to_owned(),
            },
            url: match stack_url {
                Some(url) => format!("the URL of the stack is {url}"),
                None => "give the output Url of the stack, or the address of `make run`, without a path at its end".to_owned(),
            },
            entry_point,
            has_authorizer: entry_point.starts_with("rest-"),
            callers,
            origins: project.parameter("AllowedOrigins"),
            is_buffered: project.template().is_some_and(Template::is_buffered),
        };
        endpoint.findings().await
    }

    /// Makes each check in its order.
    async fn findings(mut self) -> Vec<Finding> {
        let (health, head) = self.health().await;
        let mut findings = vec![health];
        let Some(head) = head else {
            findings.extend(Finding::all_skipped(&CHECKS[1..], "the endpoint was not reached"));
            return findings;
        };
        findings.push(clock::check(&head, SystemTime::now()));
        findings.push(self.refusal("no-token", Proof::None).await);
        findings.push(self.refusal("wrong-token", Proof::Wrong).await);
        findings.push(self.method().await);
        findings.push(self.cors().await);
        let token = self.accepted().await;
        let is_accepted = matches!(token[0].outcome, Outcome::Ok(_));
        findings.extend(token);
        findings.extend(match (self.options.has_run, is_accepted) {
            (false, _) => {
                Finding::all_skipped(&RUN_CHECKS, "--run sends a message to the agent, which may cost money")
            }
            (true, false) => Finding::all_skipped(&RUN_CHECKS, "no run was accepted"),
            (true, true) => self.run().await,
        });
        findings
    }

    /// Checks that the function answers, and returns the head of its response.
    async fn health(&mut self) -> (Finding, Option<HeaderMap>) {
        const CHECK: &str = "health";
        let response = match self.client.health(None).await {
            Ok(response) => response,
            Err(problem) => {
                let problem = format!("GET /health gets no response: {problem}");
                let fix = format!(
                    "check the name, the port, the certificate and the network, and that it runs; {}",
                    self.url
                );
                return (Finding::failed(CHECK, problem, fix), None);
            }
        };
        let (status, head) = (response.status().as_u16(), response.headers().clone());
        let body: Value =
            response.text().await.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let problem = format!("GET /health is answered with {status}");
        match status {
            200 if body["status"] == "ok" => {
                (Finding::ok(CHECK, "GET /health is answered with 200"), Some(head))
            }
            200 => (
                Finding::failed(
                    CHECK,
                    format!("{problem}, but not as an agent of this library does"),
                    self.url.clone(),
                ),
                None,
            ),
            300..=399 => {
                let place = head.get(LOCATION).and_then(|place| place.to_str().ok()).unwrap_or("no address");
                let problem = format!("{problem}, a redirect to {place}, which clients do not follow");
                (Finding::failed(CHECK, problem, self.url.clone()), None)
            }
            // The function answers everybody here, so an authorizer has refused with 401.
            401 | 403 if status == 401 || self.has_authorizer => {
                self.has_authorizer = true;
                (Finding::skipped(CHECK, "an authorizer decides about it before the function"), Some(head))
            }
            403 if self.entry_point == "cloudfront" => (
                Finding::failed(
                    CHECK,
                    format!("{problem}: only CloudFront may call this URL"),
                    self.url.clone(),
                ),
                None,
            ),
            403 => (
                Finding::failed(
                    CHECK,
                    format!("{problem}: AWS refused the request before the function"),
                    "the URL needs two permissions, lambda:InvokeFunctionUrl and lambda:InvokeFunction, for the alias that it calls; a new permission can take a minute. template.yaml has both:\n  make deploy",
                ),
                None,
            ),
            404 => (
                Finding::failed(
                    CHECK,
                    format!("{problem}: no function answers at this URL"),
                    self.url.clone(),
                ),
                None,
            ),
            _ => (
                Finding::failed(CHECK, format!("{problem}: the function has failed"), self.log.clone()),
                None,
            ),
        }
    }

    /// Checks that a request without the right proof is refused before anything is streamed.
    async fn refusal(&self, check: &'static str, proof: Proof) -> Finding {
        let what = if proof == Proof::None { "a request without a token" } else { "a wrong token" };
        let (status, head) = match self.client.empty_run(proof).await {
            Ok(response) => (response.status().as_u16(), response.headers().clone()),
            Err(problem) => return Finding::failed(check, problem, self.log.clone()),
        };
        match status {
            401 if head.contains_key(WWW_AUTHENTICATE)
                || head.contains_key(RENAMED_CHALLENGE)
                || self.has_authorizer =>
            {
                Finding::ok(check, format!("{what} is refused with 401"))
            }
            401 => Finding::failed(
                check,
                format!("{what} is refused with 401, but without the header WWW-Authenticate"),
                "something in front of the function removes headers of responses, or answers in its place",
            ),
            403 if self.has_authorizer => {
                Finding::ok(check, format!("{what} is refused with 403 by the authorizer"))
            }
            200 => Finding::failed(
                check,
                format!("{what} is accepted, so everybody can run the agent"),
                "set AGUI_AUTH in template.yaml, remove `without_auth` from the code, and deploy:\n  make deploy",
            ),
            503 => Finding::failed(
                check,
                format!(
                    "{what} is answered with 503: the function cannot read its secret or the keys of the issuer"
                ),
                self.log.clone(),
            ),
            _ => Finding::failed(
                check,
                format!("{what} is answered with {status} and not with 401"),
                self.log.clone(),
            ),
        }
    }

    /// Checks that the pages of the given origin may call.
    async fn cors(&self) -> Finding {
        let Some(headers) = self.callers.page_headers(self.entry_point) else {
            let reason = format!(
                "pages do not call EntryPoint={}, because they must not have the shared token",
                self.entry_point
            );
            return Finding::skipped("cors", reason);
        };
        let Some(origin) = self.options.origin.as_deref() else {
            return Finding::skipped("cors", "--origin names no origin whose pages call the endpoint");
        };
        cors::check(&self.client, &Page { origin, headers }, self.origins).await
    }

    /// Checks that another method is refused with the one that is allowed.
    async fn method(&self) -> Finding {
        const CHECK: &str = "method";
        let response = match self.client.put().await {
            Ok(response) => response,
            Err(problem) => return Finding::failed(CHECK, problem, self.log.clone()),
        };
        let allowed =
            response.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok()).unwrap_or_default();
        match response.status().as_u16() {
            405 if allowed.contains("POST") => {
                Finding::ok(CHECK, format!("PUT is refused with 405, Allow: {allowed}"))
            }
            405 => Finding::failed(
                CHECK,
                "405 has no header Allow with POST",
                "something in front of the function removes it",
            ),
            status @ (401 | 403) => Finding::skipped(
                CHECK,
                format!("something in front of the function refuses PUT with {status}"),
            ),
            status => Finding::failed(
                CHECK,
                format!("PUT is answered with {status} and not with 405"),
                self.url.clone(),
            ),
        }
    }

    /// Checks that the caller's own token or JWT is accepted, and how the stream begins.
    async fn accepted(&self) -> Vec<Finding> {
        const NAMES: [&str; 2] = ["token", "headers"];
        if let Some(reason) = self.missing() {
            return Finding::all_skipped(&NAMES, &reason);
        }
        let what = match (self.client.sends_token(), self.client.sends_jwt()) {
            (true, true) => "the token with the JWT",
            (_, true) => "the JWT",
            _ => "the token",
        };
        let response = match self.client.empty_run(Proof::Right).await {
            Ok(response) if response.status() == 200 => response,
            refusal => {
                let (problem, fix) = self.refused(what, refusal).await;
                return vec![
                    Finding::failed("token", problem, fix),
                    Finding::skipped("headers", "no run was accepted"),
                ];
            }
        };
        let head = response.headers().clone();
        let events = EventStream::read(response, SILENCE).await;
        let token = match events.last_type() {
            Some("RUN_FINISHED") => Finding::ok("token", format!("{what} is accepted")),
            last => Finding::failed(
                "token",
                format!(
                    "{what} is accepted, but a run without messages ends with {}",
                    last.unwrap_or("nothing")
                ),
                self.log.clone(),
            ),
        };
        vec![token, stream::check_headers(&head)]
    }

    /// Says what the callers of the entry point send and was not given; `None` if nothing is missing.
    fn missing(&self) -> Option<String> {
        if self.callers.jwt.is_some() && !self.client.sends_jwt() {
            let entry_point = self.entry_point;
            return Some(format!("callers at EntryPoint={entry_point} send the JWT of a user: give --jwt"));
        }
        if self.callers.has_token && !self.client.sends_token() {
            let or_jwt = if self.entry_point.is_empty() { ", or give --jwt" } else { "" };
            return Some(format!("there is no token: set AGUI_TOKEN{or_jwt}"));
        }
        None
    }

    /// Sends a message to the agent, and checks how its run ends and whether its events come one after the other.
    async fn run(&self) -> Vec<Finding> {
        match self.client.run().await {
            Ok(response) if response.status() == 200 => {
                let head = response.headers().clone();
                let events = EventStream::read(response, SILENCE).await;
                let pieces = match self.is_buffered {
                    true => Finding::skipped("streams", "AGUI_RESPONSE_MODE=buffered is in template.yaml"),
                    false => events.check_pieces(&head),
                };
                vec![events.check_end(&self.log), pieces]
            }
            refusal => {
                let (problem, fix) = self.refused("the run", refusal).await;
                vec![Finding::failed("run", problem, fix), Finding::skipped("streams", "no run was accepted")]
            }
        }
    }

    /// Returns the problem and the fix for a run that was not accepted. A refusal has a code and a sentence.
    async fn refused(&self, what: &str, response: Result<Response, String>) -> (String, String) {
        let response = match response {
            Ok(response) => response,
            Err(problem) => return (format!("{what} gets no response: {problem}"), self.log.clone()),
        };
        let status = response.status().as_u16();
        let body: Value =
            response.text().await.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let parts =
            ["code", "reason", "message"].map(|name| body["error"][name].as_str().unwrap_or_default());
        let parts = [&format!("{what} is answered with {status}")[..], parts[0], parts[1], parts[2]];
        let parts: Vec<&str> = parts.into_iter().filter(|text| !text.is_empty()).collect();
        (parts.join(", "), self.fix(status))
    }

    /// Returns what to do if the right token or JWT is refused with a status.
    fn fix(&self, status: u16) -> String {
        let fix = match status {
            401 if self.client.sends_jwt() && self.client.sends_token() => {
                "the JWT may have expired, or its `iss` or `aud` is not UserJwtIssuer or UserJwtAudience: sign in again. Or the secret has a newer token:\n  make -s token"
            }
            401 if self.client.sends_jwt() => {
                "sign in again for a new JWT, and compare its `iss` and `aud` with UserJwtIssuer and UserJwtAudience"
            }
            401 => {
                "the secret may have a newer token, or the function may want a JWT. Print the token that is valid now:\n  make -s token"
            }
            403 => "your mapping from claims to callers refuses, or AWS does before the function",
            429 => "the limit of concurrent runs, or a budget, is reached: wait, or raise it",
            _ => return self.log.clone(),
        };
        fix.to_owned()
    }
}

/// Says which URL callers of the deployed stack use; `None` if there is no stack. In front of some functions is another stack.
fn stack_url(project: &Project, account: &Account, entry_point: &str) -> Option<String> {
    let front = match entry_point {
        "cloudfront" => "cloudfront",
        "rest-cognito" | "rest-lambda" | "rest-iam" => "rest-api",
        _ => return account.output("Url").map(ToOwned::to_owned),
    };
    let core = project.samconfig()?.setting("stack_name")?;
    Some(format!("the output Url of the stack {core}-{front}"))
}
