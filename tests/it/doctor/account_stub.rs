//! An AWS account that this process plays: STS, CloudFormation, Secrets Manager and the catalog of Bedrock.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use ag_ui_dev::loopback::Loopback;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};

/// What the account answers. A refusal is a code and a message.
#[derive(Clone, Default)]
pub(super) struct Played {
    /// How STS refuses the credentials.
    pub(super) identity: Option<(&'static str, &'static str)>,
    /// The state of the stack `shop`; `None` if it does not exist.
    pub(super) stack: Option<&'static str>,
    /// The outputs of the stack.
    pub(super) outputs: Vec<(&'static str, String)>,
    /// The values of secrets by their ids, or how they are refused.
    pub(super) secrets: HashMap<&'static str, Result<String, &'static str>>,
    /// What Bedrock answers at each path, or how it refuses.
    pub(super) bedrock: HashMap<&'static str, Result<Value, &'static str>>,
}

/// The account. It ends when it is dropped.
pub(super) struct AccountStub {
    server: Loopback,
    /// Which services were asked, in their order, as the signatures name them.
    services: Arc<Mutex<Vec<String>>>,
}

impl AccountStub {
    /// Starts an account that answers so.
    pub(super) fn start(played: Played) -> Self {
        let services = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&services);
        let respond = move |request: Request<Incoming>| {
            let (played, asked) = (played.clone(), Arc::clone(&asked));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                // Credential=test/20261127/eu-central-1/sts/aws4_request
                let signature = head.headers["authorization"].to_str().unwrap();
                let scope: Vec<&str> = signature.split([',', ' ']).nth(1).unwrap().split('/').collect();
                assert_eq!((scope[0], scope[2]), ("Credential=test", "eu-central-1"));
                asked.lock().unwrap().push(scope[3].to_owned());
                Ok::<_, Infallible>(played.respond(scope[3], head.uri.path(), &body))
            }
        };
        Self { server: Loopback::serve(respond).unwrap(), services }
    }

    /// Returns the address of the account.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// Returns which services were asked, in their order.
    pub(super) fn services(&self) -> Vec<String> {
        self.services.lock().unwrap().clone()
    }
}

impl Played {
    /// Answers a request to a service.
    fn respond(&self, service: &str, path: &str, body: &Bytes) -> Response<Full<Bytes>> {
        match service {
            "sts" => match self.identity {
                None => response(
                    200,
                    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/Developer/amelie</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
                ),
                Some(refusal) => xml_refusal(refusal),
            },
            "cloudformation" => {
                match self.stack {
                    None => xml_refusal(("ValidationError", "Stack with id shop does not exist")),
                    Some(status) => {
                        let outputs = self.outputs.iter().map(|(name, value)| {
                        format!("<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>")
                    });
                        let outputs: String = outputs.collect();
                        response(
                            200,
                            &format!(
                                "<Stacks><member><StackStatus>{status}</StackStatus><Outputs>{outputs}</Outputs></member></Stacks>"
                            ),
                        )
                    }
                }
            }
            "secretsmanager" => {
                let request: Value = serde_json::from_slice(body).unwrap();
                let id = request["SecretId"].as_str().unwrap();
                match self.secrets.get(id) {
                    Some(Ok(value)) => response(200, &json!({ "SecretString": value }).to_string()),
                    Some(Err(code)) => json_refusal(code),
                    None => json_refusal("ResourceNotFoundException"),
                }
            }
            "bedrock" => match self.bedrock.get(path) {
                Some(Ok(value)) => response(200, &value.to_string()),
                Some(Err(code)) => json_refusal(code),
                None => json_refusal("ResourceNotFoundException"),
            },
            other => panic!("{other} is not played"),
        }
    }
}

/// Creates a response.
fn response(status: u16, text: &str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(text.to_owned().into())).unwrap()
}

/// Creates a refusal of a service whose answers are XML.
fn xml_refusal((code, message): (&str, &str)) -> Response<Full<Bytes>> {
    response(
        400,
        &format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        ),
    )
}

/// Creates a refusal of a service whose answers are JSON.
fn json_refusal(code: &str) -> Response<Full<Bytes>> {
    response(400, &json!({ "__type": code, "message": format!("played {code}") }).to_string())
}
