//! Users of Amazon Cognito: the function verifies tokens that moto has signed, and reads a user's groups in the format of
//! each entry point.

use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, local_function, url_event, user_input};
use crate::support::moto::Moto;

const PASSWORD: &str = "Correct-horse-7";

/// A user pool with one user, `ada`, of the organisation `acme`, in two groups.
struct Pool {
    id: String,
}

impl Pool {
    /// Creates a pool in moto.
    async fn new() -> Self {
        let moto = Moto::shared();
        let schema = json!([{"Name": "org_id", "AttributeDataType": "String", "Mutable": true}]);
        let created = moto.cognito("CreateUserPool", &json!({"PoolName": "users", "Schema": schema})).await;
        let id = created["UserPool"]["Id"].as_str().unwrap().to_owned();
        let attributes = json!([{"Name": "custom:org_id", "Value": "acme"}]);
        for (action, members) in [
            ("AdminCreateUser", json!({"Username": "ada", "UserAttributes": attributes})),
            ("AdminSetUserPassword", json!({"Username": "ada", "Password": PASSWORD, "Permanent": true})),
            ("CreateGroup", json!({"GroupName": "admins"})),
            ("CreateGroup", json!({"GroupName": "support"})),
            ("AdminAddUserToGroup", json!({"Username": "ada", "GroupName": "admins"})),
            ("AdminAddUserToGroup", json!({"Username": "ada", "GroupName": "support"})),
        ] {
            let mut body = members;
            body["UserPoolId"] = json!(id);
            moto.cognito(action, &body).await;
        }
        Self { id }
    }

    /// Creates a client of the pool and returns its id.
    async fn client(&self) -> String {
        let body = json!({
            "UserPoolId": self.id, "ClientName": "app", "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"],
        });
        let created = Moto::shared().cognito("CreateUserPoolClient", &body).await;
        created["UserPoolClient"]["ClientId"].as_str().unwrap().to_owned()
    }

    /// Signs `ada` in at a client. Returns the id token and the access token.
    async fn sign_in(&self, client: &str) -> [String; 2] {
        let body = json!({
            "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client,
            "AuthParameters": {"USERNAME": "ada", "PASSWORD": PASSWORD},
        });
        let tokens = Moto::shared().cognito("InitiateAuth", &body).await["AuthenticationResult"].take();
        ["IdToken", "AccessToken"].map(|name| tokens[name].as_str().unwrap().to_owned())
    }

    /// Starts a function for the users of a client. It reads groups as permissions, so that `get_account` returns them.
    async fn function(&self, client: &str) -> Function {
        local_function(&[
            ("AGUI_JWT_ISSUER", &format!("https://cognito-idp.us-east-1.amazonaws.com/{}", self.id)),
            ("AGUI_JWT_AUDIENCE", client),
            // The issuer's own URL would lead to AWS.
            ("AGUI_JWKS_URL", &format!("{}/{}/.well-known/jwks.json", Moto::shared().url, self.id)),
            ("AGUI_CLAIM_PERMISSIONS", "cognito:groups"),
        ])
        .await
    }
}

/// Runs "Who am I?" with this user token.
async fn ask(function: &Function, token: &str) -> Reply {
    let headers = [("x-agui-token", TOKEN), ("x-agui-user-token", token)];
    Reply::send(function, &url_event(&headers, &user_input("Who am I?"))).await
}

#[tokio::test]
async fn accepts_id_and_access_tokens_of_its_own_client() {
    let pool = Pool::new().await;
    let (client, other) = (pool.client().await, pool.client().await);
    let function = pool.function(&client).await;

    let [id, access] = pool.sign_in(&client).await;
    let accounts = [ask(&function, &id).await, ask(&function, &access).await].map(|reply| {
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.result_of("get_account")
    });

    for account in &accounts {
        assert_eq!(account["user"].as_str().unwrap().len(), 36, "the pool's own id of ada: {account}");
        let mut groups: Vec<_> = account["permissions"].as_array().unwrap().iter().collect();
        // moto returns them in no particular order.
        groups.sort_by_key(|group| group.as_str());
        assert_eq!(groups, ["admins", "support"]);
    }
    assert_eq!(accounts[0]["user"], accounts[1]["user"]);
    assert_eq!(
        (&accounts[0]["org"], &accounts[1]["org"]),
        (&json!("acme"), &Value::Null),
        "an id token has it"
    );
    for (why, token) in ["an id token", "an access token"].into_iter().zip(pool.sign_in(&other).await) {
        assert_eq!(ask(&function, &token).await.status, 401, "{why} of another client");
    }
    // moto signs for all pools with one key, so they differ only by their issuers.
    let neighbour = Pool::new().await;
    let [id, access] = neighbour.sign_in(&neighbour.client().await).await;
    for token in [id, access] {
        assert_eq!(ask(&function, &token).await.status, 401, "a user of another pool");
    }
}

/// A REST API writes two groups as `a,b`, and so it writes one group with that name.
#[tokio::test]
async fn comma_splits_no_group() {
    let function =
        local_function(&[("AGUI_AUTH", "both"), ("AGUI_CLAIM_PERMISSIONS", "cognito:groups")]).await;
    for (event, pointer, written, groups) in [
        ("rest-cognito", "/requestContext/authorizer/claims", "admins", json!(["admins"])),
        ("rest-cognito", "/requestContext/authorizer/claims", "admins,support", json!([])),
        ("rest-cognito", "/requestContext/authorizer/claims", "x,refunds:write", json!([])),
        ("http-api-jwt", "/requestContext/authorizer/jwt/claims", "[admins]", json!(["admins"])),
        ("http-api-jwt", "/requestContext/authorizer/jwt/claims", "[a support]", json!(["a", "support"])),
        ("http-api-jwt", "/requestContext/authorizer/jwt/claims", "[x,refunds:write]", json!([])),
        ("http-api-jwt", "/requestContext/authorizer/jwt/claims", "[a x,refunds:write]", json!(["a"])),
        ("http-api-format-1", "/requestContext/authorizer/claims", "[a x,refunds:write]", json!(["a"])),
    ] {
        let file = format!("{}/events/{event}.json", env!("CARGO_MANIFEST_DIR"));
        let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        event.pointer_mut(pointer).unwrap()["cognito:groups"] = json!(written);
        event["body"] = json!(user_input("Who am I?").to_string());

        let reply = Reply::send(&function, &event).await;

        assert_eq!(reply.status, 200, "{written}: {}", reply.text);
        assert_eq!(reply.result_of("get_account")["permissions"], groups, "{written}");
    }
}
