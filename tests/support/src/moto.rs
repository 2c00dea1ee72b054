//! moto, an emulator of AWS, for Secrets Manager, DynamoDB and Cognito. One server serves all tests of a process; each test
//! has a secret or a table of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// A moto server. It ends with this process, since it watches its standard input.
pub struct Moto {
    /// The address of the server.
    pub url: String,
    _server: Child,
}

impl Moto {
    /// Returns the moto server of this process. The first call starts it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a moto server in a child process, which prints its URL as the first line.
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

    /// Creates a secret with the text `value`, and [registers](crate::secrets::register) the text as one that no log line
    /// may contain.
    pub async fn create_secret(&self, name: &str, value: &str) {
        self.create_secret_with(name, &json!({ "SecretString": value })).await;
    }

    /// Creates a secret. `members` are those of the request CreateSecret except for the name.
    pub async fn create_secret_with(&self, name: &str, members: &Value) {
        crate::secrets::register(members["SecretString"].as_str().unwrap_or_default());
        let mut body = members.clone();
        body["Name"] = name.into();
        self.call_secrets_manager("CreateSecret", &body).await;
    }

    /// Gives a secret a new value at once: the new version becomes AWSCURRENT, and the one before becomes AWSPREVIOUS.
    pub async fn rotate_secret(&self, name: &str, value: &str) {
        crate::secrets::register(value);
        self.call_secrets_manager("PutSecretValue", &json!({ "SecretId": name, "SecretString": value }))
            .await;
    }

    /// Deletes a secret (DeleteSecret). It can be restored.
    pub async fn delete_secret(&self, name: &str) {
        self.call_secrets_manager("DeleteSecret", &json!({ "SecretId": name })).await;
    }

    /// Restores a secret that was deleted (RestoreSecret).
    pub async fn restore_secret(&self, name: &str) {
        self.call_secrets_manager("RestoreSecret", &json!({ "SecretId": name })).await;
    }

    /// Turns rotation on for a secret and begins a rotation, as RotateSecret does: there is a new version AWSPENDING
    /// without a value.
    ///
    /// moto cannot run the rotation function, so the caller has to send that function the four events. This returns what
    /// the events need: the ARN of the secret and the id of the new version.
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
            self.call_secrets_manager("UpdateSecretVersionStage", &label).await;
        }
        let version = Uuid::new_v4().to_string();
        let rotation = json!({
            "SecretId": name, "ClientRequestToken": version, "RotationLambdaARN": function,
            "RotationRules": {"AutomaticallyAfterDays": 30},
        });
        self.call_secrets_manager("RotateSecret", &rotation).await;
        (described["ARN"].as_str().unwrap().to_owned(), version)
    }

    /// Turns rotation of a secret off, also if a rotation has begun (CancelRotateSecret). A test uses this for a
    /// rotation function whose rotation was turned off.
    pub async fn cancel_rotation(&self, name: &str) {
        self.call_secrets_manager("CancelRotateSecret", &json!({ "SecretId": name })).await;
    }

    /// Sets the value of the version AWSPENDING that [`begin_rotation`](Self::begin_rotation) has created. `version` is the
    /// id of this version.
    pub async fn put_pending(&self, name: &str, version: &str, value: &str) {
        let put = json!({
            "SecretId": name, "ClientRequestToken": version, "SecretString": value,
            "VersionStages": ["AWSPENDING"],
        });
        self.call_secrets_manager("PutSecretValue", &put).await;
    }

    /// Returns the response to DescribeSecret as JSON. [`begin_rotation`](Self::begin_rotation) reads the ARN of the secret
    /// and the stages of its versions from it.
    pub async fn describe_secret(&self, name: &str) -> Value {
        let described = self.call_secrets_manager("DescribeSecret", &json!({ "SecretId": name })).await;
        serde_json::from_str(&described).unwrap()
    }

    /// Returns the text of the version of a secret with this stage, such as `AWSCURRENT`. Returns `None` if the secret or
    /// the version does not exist, or if the version has no text.
    pub async fn secret(&self, name: &str, stage: &str) -> Option<String> {
        let body = json!({ "SecretId": name, "VersionStage": stage });
        let request = self.request("secretsmanager", "").body(body.to_string());
        let response = request.header("x-amz-target", "secretsmanager.GetSecretValue").send().await.unwrap();
        let response: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        response["SecretString"].as_str().map(ToOwned::to_owned)
    }

    /// Creates a Lambda function in moto that does nothing, and returns its ARN. A rotation needs one.
    /// [`begin_rotation`](Self::begin_rotation) calls this.
    async fn create_rotation_function(&self) -> String {
        let config = json!({"lambda": {"use_docker": false}}).to_string();
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
        let role = format!("Action=CreateRole&RoleName=rotation&AssumeRolePolicyDocument={policy}");
        let function = json!({
            "FunctionName": "rotation", "Role": "arn:aws:iam::123456789012:role/rotation",
            "Runtime": "provided.al2023", "Handler": "bootstrap", "Code": {"ZipFile": ""},
        });
        let mut text = String::new();
        for (service, path, kind, body) in [
            ("moto", "/moto-api/config", "application/json", config),
            ("iam", "/", "application/x-www-form-urlencoded", role),
            ("lambda", "/2015-03-31/functions", "application/json", function.to_string()),
        ] {
            let request = self.request(service, path).header("content-type", kind).body(body);
            let response = request.send().await.unwrap();
            assert!(response.status().is_success(), "{service}: {}", response.status());
            text = response.text().await.unwrap();
        }
        let function: Value = serde_json::from_str(&text).unwrap();
        function["FunctionArn"].as_str().unwrap().to_owned()
    }

    /// Creates a DynamoDB table whose key is the string `id`.
    pub async fn create_table(&self, name: &str) {
        let body = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        });
        self.send("dynamodb", "DynamoDB_20120810.CreateTable", &body).await;
    }

    /// Calls an action of DynamoDB, such as `Scan`, and returns the response.
    pub async fn dynamodb(&self, action: &str, body: &Value) -> Value {
        let target = format!("DynamoDB_20120810.{action}");
        serde_json::from_str(&self.send("dynamodb", &target, body).await).unwrap()
    }

    /// Calls an action of Cognito user pools, such as `CreateUserPool`, and returns the response; null if it is not
    /// JSON. Tests of users' tokens create their user pools and users with it.
    pub async fn cognito(&self, action: &str, body: &Value) -> Value {
        let target = format!("AWSCognitoIdentityProviderService.{action}");
        serde_json::from_str(&self.send("cognito-idp", &target, body).await).unwrap_or_default()
    }

    /// Calls an action of Secrets Manager and returns the text of the response. It panics if the response has no ARN, since
    /// the action has then failed.
    async fn call_secrets_manager(&self, action: &str, body: &Value) -> String {
        let text = self.send("secretsmanager", &format!("secretsmanager.{action}"), body).await;
        assert!(text.contains("\"ARN\""), "{action}: {text}");
        text
    }

    /// Sends a request of the AWS JSON protocol and returns the text of the response. `target` is the header
    /// `x-amz-target`, which names the action. It panics if the action fails.
    async fn send(&self, service: &str, target: &str, body: &Value) -> String {
        let request = self.request(service, "").header("content-type", "application/x-amz-json-1.1");
        let request = request.header("x-amz-target", target).body(body.to_string());
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{target}: {}", response.status());
        response.text().await.unwrap()
    }

    /// Creates a POST to a service of AWS in moto. moto finds the service by the scope of the credentials and does not
    /// check the signature.
    fn request(&self, service: &str, path: &str) -> reqwest::RequestBuilder {
        let scope = format!("test/20260101/us-east-1/{service}/aws4_request");
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none");
        reqwest::Client::new().post(format!("{}{path}", self.url)).header("authorization", signature)
    }

    /// Returns the environment variables that make a function use this server in place of AWS.
    pub fn env(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }
}
