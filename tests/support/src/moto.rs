//! moto, which plays Secrets Manager, DynamoDB and Cognito: one server for all tests, a secret or a table of its own for each.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// A moto server; it ends with this process, since it watches its standard input.
pub struct Moto {
    /// Its address.
    pub url: String,
    _server: Child,
}

impl Moto {
    /// The server of this process, started by the first test that needs it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let mut child = crate::python()
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
    pub async fn create_secret(&self, name: &str, value: &str) {
        self.create_secret_of(name, &json!({ "SecretString": value })).await;
    }

    /// Makes a secret of the members that a call to CreateSecret has beside the name.
    pub async fn create_secret_of(&self, name: &str, members: &Value) {
        crate::planted::plant(members["SecretString"].as_str().unwrap_or_default());
        let mut body = members.clone();
        body["Name"] = name.into();
        self.call("CreateSecret", &body).await;
    }

    /// Rotates a secret: the value becomes AWSCURRENT, the one before AWSPREVIOUS.
    pub async fn rotate_secret(&self, name: &str, value: &str) {
        crate::planted::plant(value);
        self.call("PutSecretValue", &json!({ "SecretId": name, "SecretString": value })).await;
    }

    /// Turns rotation on and begins one, as RotateSecret does: a version is staged AWSPENDING and has no value. moto
    /// can't run the function that makes it; its four events are the caller's to send, with the secret's ARN and
    /// the version's id that this returns.
    pub async fn begin_rotation(&self, name: &str) -> (String, String) {
        static FUNCTION: OnceCell<String> = OnceCell::const_new();
        let function = FUNCTION.get_or_init(|| self.create_rotation_function()).await;
        // moto 5.2 calls a rotation unfinished whose version is both AWSPENDING and AWSCURRENT; AWS does not.
        let described = self.describe_secret(name).await;
        let versions = described["VersionIdsToStages"].as_object().unwrap();
        let pending = versions.iter().find(|(_, stages)| stages.to_string().contains("AWSPENDING"));
        if let Some((version, _)) = pending {
            let label =
                json!({"SecretId": name, "VersionStage": "AWSPENDING", "RemoveFromVersionId": version});
            self.call("UpdateSecretVersionStage", &label).await;
        }
        let version = Uuid::new_v4().to_string();
        let rotation = json!({
            "SecretId": name, "ClientRequestToken": version, "RotationLambdaARN": function,
            "RotationRules": {"AutomaticallyAfterDays": 30},
        });
        self.call("RotateSecret", &rotation).await;
        (described["ARN"].as_str().unwrap().to_owned(), version)
    }

    /// Turns rotation off, in the middle of one or not.
    pub async fn cancel_rotation(&self, name: &str) {
        self.call("CancelRotateSecret", &json!({ "SecretId": name })).await;
    }

    /// Gives the version that a rotation has begun a value.
    pub async fn put_pending(&self, name: &str, version: &str, value: &str) {
        let put = json!({
            "SecretId": name, "ClientRequestToken": version, "SecretString": value,
            "VersionStages": ["AWSPENDING"],
        });
        self.call("PutSecretValue", &put).await;
    }

    /// What DescribeSecret says.
    pub async fn describe_secret(&self, name: &str) -> Value {
        let described = self.call("DescribeSecret", &json!({ "SecretId": name })).await;
        serde_json::from_str(&described).unwrap()
    }

    /// The text of the version at this stage; none where there is none.
    pub async fn secret(&self, name: &str, stage: &str) -> Option<String> {
        let body = json!({ "SecretId": name, "VersionStage": stage });
        let request = self.request("secretsmanager", "").body(body.to_string());
        let answer = request.header("x-amz-target", "secretsmanager.GetSecretValue").send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        answer["SecretString"].as_str().map(ToOwned::to_owned)
    }

    /// Makes a function that does nothing, without a container, and returns its ARN.
    async fn create_rotation_function(&self) -> String {
        let config = json!({"lambda": {"use_docker": false}}).to_string();
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
        let role = format!("Action=CreateRole&RoleName=rotation&AssumeRolePolicyDocument={policy}");
        let function = json!({
            "FunctionName": "rotation", "Role": "arn:aws:iam::123456789012:role/rotation",
            "Runtime": "provided.al2023", "Handler": "bootstrap", "Code": {"ZipFile": ""},
        });
        let mut answer = String::new();
        for (service, path, kind, body) in [
            ("moto", "/moto-api/config", "application/json", config),
            ("iam", "/", "application/x-www-form-urlencoded", role),
            ("lambda", "/2015-03-31/functions", "application/json", function.to_string()),
        ] {
            let request = self.request(service, path).header("content-type", kind).body(body);
            let answered = request.send().await.unwrap();
            assert!(answered.status().is_success(), "{service}: {}", answered.status());
            answer = answered.text().await.unwrap();
        }
        let function: Value = serde_json::from_str(&answer).unwrap();
        function["FunctionArn"].as_str().unwrap().to_owned()
    }

    /// Makes a table with the string key `id`.
    pub async fn create_table(&self, name: &str) {
        let body = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        });
        self.send("dynamodb", "DynamoDB_20120810.CreateTable", &body).await;
    }

    /// A call to Cognito's user pools; returns the answer.
    pub async fn cognito(&self, action: &str, body: &Value) -> Value {
        let target = format!("AWSCognitoIdentityProviderService.{action}");
        serde_json::from_str(&self.send("cognito-idp", &target, body).await).unwrap_or_default()
    }

    /// Calls Secrets Manager, which answers with the secret's ARN.
    async fn call(&self, action: &str, body: &Value) -> String {
        let text = self.send("secretsmanager", &format!("secretsmanager.{action}"), body).await;
        assert!(text.contains("\"ARN\""), "{action}: {text}");
        text
    }

    async fn send(&self, service: &str, target: &str, body: &Value) -> String {
        let request = self.request(service, "").header("content-type", "application/x-amz-json-1.1");
        let request = request.header("x-amz-target", target).body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{target}: {}", answer.status());
        answer.text().await.unwrap()
    }

    /// moto finds the service by the scope of the credentials; it checks no signature.
    fn request(&self, service: &str, path: &str) -> reqwest::RequestBuilder {
        let scope = format!("test/20260101/us-east-1/{service}/aws4_request");
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none");
        reqwest::Client::new().post(format!("{}{path}", self.url)).header("authorization", signature)
    }

    /// The environment of a function that reads this server.
    pub fn env(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }
}
