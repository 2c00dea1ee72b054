//! moto, which plays Secrets Manager and DynamoDB: one server for all tests, a secret or a table of its own for each.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

/// A moto server; it ends with this process, since it watches its standard input.
pub(crate) struct Moto {
    pub(crate) url: String,
    _server: Child,
}

impl Moto {
    /// The server of this process, started by the first test that needs it.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let mut child = super::python()
            .arg("tests/servers/secrets_manager.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "moto did not start: run the tests through `make test`");
        Self { url: url.trim().to_owned(), _server: child }
    }

    /// Makes a secret.
    pub(crate) async fn create_secret(&self, name: &str, value: &str) {
        self.create_secret_of(name, &json!({ "SecretString": value })).await;
    }

    /// Makes a secret of the members that a call to CreateSecret has beside the name.
    pub(crate) async fn create_secret_of(&self, name: &str, members: &Value) {
        super::planted::plant(members["SecretString"].as_str().unwrap_or_default());
        let mut body = members.clone();
        body["Name"] = name.into();
        self.call("CreateSecret", &body).await;
    }

    /// Rotates a secret: the value becomes AWSCURRENT, the one before AWSPREVIOUS.
    pub(crate) async fn rotate_secret(&self, name: &str, value: &str) {
        super::planted::plant(value);
        self.call("PutSecretValue", &json!({ "SecretId": name, "SecretString": value })).await;
    }

    /// Makes a table with the string key `id`.
    pub(crate) async fn create_table(&self, name: &str) {
        let body = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        });
        self.send("dynamodb", "DynamoDB_20120810.CreateTable", &body).await;
    }

    async fn call(&self, action: &str, body: &Value) {
        let text = self.send("secretsmanager", &format!("secretsmanager.{action}"), body).await;
        assert!(text.contains("\"ARN\""), "{action}: {text}");
    }

    async fn send(&self, service: &str, target: &str, body: &Value) -> String {
        let request = reqwest::Client::new()
            .post(&self.url)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            // moto finds the service by the scope of the credentials; it checks no signature.
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, \
                     SignedHeaders=host, Signature=none"
                ),
            )
            .body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{target}: {}", answer.status());
        answer.text().await.unwrap()
    }

    /// The environment of a function that reads this server.
    pub(crate) fn env(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }
}
