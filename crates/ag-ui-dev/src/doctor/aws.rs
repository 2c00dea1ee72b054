//! Signed requests to services of AWS: STS, CloudFormation, Secrets Manager and Bedrock.
//!
//! Only a few actions are used, each of which reads. So there is no SDK crate for each service, which would cost minutes of
//! compilation.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use serde_json::Value;

use super::http_client::http_client;
use super::machine::Machine;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A client of AWS in one region.
pub(super) struct Aws {
    credentials: Credentials,
    region: String,
    /// The addresses that the environment names in place of AWS's own: for all services, and for each by its name.
    endpoints: Vec<(String, String)>,
    http: reqwest::Client,
}

/// Why AWS did not do what it was asked for.
#[derive(Debug)]
pub(super) struct AwsError {
    /// The code of the error, such as `AccessDeniedException`; `Unreachable` if there was no response.
    pub(super) code: String,
    /// What AWS says about it.
    pub(super) message: String,
}

impl AwsError {
    /// Whether the credentials lack a permission.
    pub(super) fn is_denied(&self) -> bool {
        self.code.starts_with("AccessDenied") || self.code == "UnauthorizedOperation"
    }

    /// Creates the error of a request that got no response.
    fn unreachable(error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message += &format!(": {cause}");
            source = cause.source();
        }
        Self { code: "Unreachable".into(), message }
    }
}

impl fmt::Display for AwsError {
    /// Writes the message, or the code if there is no message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.message.is_empty() { &self.code } else { &self.message })
    }
}

/// A request to a service.
struct AwsRequest<'a> {
    service: &'a str,
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: String,
}

impl Aws {
    /// Creates a client for a region with these credentials.
    pub(super) fn new(credentials: Credentials, region: &str, machine: &Machine) -> Self {
        let names = ["sts", "cloudformation", "secretsmanager", "bedrock"];
        let variables = names.map(|name| {
            (
                name.to_owned(),
                format!(
                    "AWS_ENDPOINT_URL_{}",
                    name.replace("secretsmanager", "secrets_manager").to_uppercase()
                ),
            )
        });
        let all = names.map(|name| (name.to_owned(), "AWS_ENDPOINT_URL".to_owned()));
        let endpoints = variables.into_iter().chain(all);
        let endpoints = endpoints.filter_map(|(name, variable)| {
            Some((name, machine.variable(&variable)?.trim_end_matches('/').to_owned()))
        });
        Self { credentials, region: region.to_owned(), endpoints: endpoints.collect(), http: http_client() }
    }

    /// Returns the region.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Calls an action of a service whose answers are XML, with these parameters.
    ///
    /// # Errors
    /// [`AwsError`] if there is no response, or one that refuses.
    pub(super) async fn query(&self, service: &str, parameters: &[(&str, &str)]) -> Result<String, AwsError> {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let pairs: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.send(AwsRequest {
            service,
            method: "POST",
            path: "/",
            headers: vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
            body: pairs.join("&"),
        })
        .await
    }

    /// Returns the text of a secret's current version.
    ///
    /// # Errors
    /// [`AwsError`] if there is no such secret, or if it cannot be read.
    pub(super) async fn secret(&self, id: &str) -> Result<String, AwsError> {
        let text = self
            .send(AwsRequest {
                service: "secretsmanager",
                method: "POST",
                path: "/",
                headers: vec![
                    ("content-type", "application/x-amz-json-1.1"),
                    ("x-amz-target", "secretsmanager.GetSecretValue"),
                ],
                body: serde_json::json!({ "SecretId": id }).to_string(),
            })
            .await?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(value["SecretString"].as_str().unwrap_or_default().to_owned())
    }

    /// Reads something of Bedrock at this path, whose parts are percent-encoded.
    ///
    /// # Errors
    /// [`AwsError`] if it does not exist, or cannot be read.
    pub(super) async fn bedrock(&self, path: &str) -> Result<Value, AwsError> {
        let request =
            AwsRequest { service: "bedrock", method: "GET", path, headers: Vec::new(), body: String::new() };
        Ok(serde_json::from_str(&self.send(request).await?).unwrap_or_default())
    }

    /// Signs and sends a request, and returns the text of the response.
    async fn send(&self, request: AwsRequest<'_>) -> Result<String, AwsError> {
        let signed = self.signed(&request).map_err(|error| AwsError::unreachable(error.as_ref()))?;
        let mut signed = reqwest::Request::try_from(signed).map_err(|error| AwsError::unreachable(&error))?;
        *signed.timeout_mut() = Some(TIMEOUT);
        let response = self.http.execute(signed).await.map_err(|error| AwsError::unreachable(&error))?;
        let status = response.status();
        let kind = response
            .headers()
            .get("x-amzn-errortype")
            .and_then(|kind| kind.to_str().ok())
            .map(ToOwned::to_owned);
        let text = response.text().await.map_err(|error| AwsError::unreachable(&error))?;
        if status.is_success() { Ok(text) } else { Err(refusal(status.as_u16(), kind, &text)) }
    }

    /// Signs a request.
    fn signed(
        &self,
        request: &AwsRequest<'_>,
    ) -> Result<http::Request<String>, Box<dyn Error + Send + Sync>> {
        let own = self.endpoints.iter().find(|(name, _)| name == request.service).map(|(_, url)| url.clone());
        let suffix = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let base = own.unwrap_or_else(|| format!("https://{}.{}.{suffix}", request.service, self.region));
        let url = format!("{base}{}", request.path);
        let identity = self.credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(request.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let body = SignableBody::Bytes(request.body.as_bytes());
        let signable = SignableRequest::new(request.method, &url, request.headers.iter().copied(), body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        let mut signed = http::Request::builder().method(request.method).uri(&url);
        for (name, value) in &request.headers {
            signed = signed.header(*name, *value);
        }
        let mut signed = signed.body(request.body.clone())?;
        instructions.apply_to_request_http1x(&mut signed);
        Ok(signed)
    }
}

/// Reads a response that refuses, in JSON or XML. `kind` is the header with the type of the error.
fn refusal(status: u16, kind: Option<String>, text: &str) -> AwsError {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let code = kind
        .or_else(|| json["__type"].as_str().map(ToOwned::to_owned))
        .or_else(|| elements(text, "Code").first().cloned())
        .unwrap_or_else(|| format!("status {status}"));
    // `com.amazonaws#Code:http://..`
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default().to_owned();
    let message = ["message", "Message"].iter().find_map(|name| json[*name].as_str().map(ToOwned::to_owned));
    let message = message.or_else(|| elements(text, "Message").first().cloned()).unwrap_or_default();
    AwsError { code, message }
}

/// Returns the texts of all elements of this name in an XML document that have no elements in them.
pub(super) fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(open.as_str()).skip(1);
    let texts = parts.filter_map(|part| part.split(close.as_str()).next());
    let plain = texts.map(|text| {
        let plain =
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
        plain.replace("&amp;", "&")
    });
    plain.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_in_each_form() {
        let xml = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>a &amp; b</Message></Error></ErrorResponse>";
        for (why, kind, text, code, message) in [
            ("XML", None, xml, "ExpiredToken", "a & b"),
            (
                "JSON",
                None,
                r#"{"__type":"com.amazonaws#AccessDeniedException","Message":"no"}"#,
                "AccessDeniedException",
                "no",
            ),
            (
                "a header",
                Some("ResourceNotFoundException:http://x/"),
                r#"{"message":"gone"}"#,
                "ResourceNotFoundException",
                "gone",
            ),
            ("neither", None, "Bad Gateway", "status 502", ""),
        ] {
            let error = refusal(502, kind.map(ToOwned::to_owned), text);
            assert_eq!((error.code.as_str(), error.message.as_str()), (code, message), "{why}");
        }
        assert!(refusal(403, Some("AccessDeniedException".into()), "").is_denied());
    }

    #[test]
    fn elements_are_found_in_their_order() {
        assert_eq!(elements("<a><k>1</k></a><a><k>2</k></a>", "k"), ["1", "2"]);
        assert_eq!(elements("<a/>", "k"), Vec::<String>::new());
    }
}
