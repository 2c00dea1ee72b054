//! Models at Bedrock's endpoint `bedrock-mantle`: the key that the function makes from its role is checked by a stand-in, which
//! then answers on the wires of OpenAI.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ag_ui_dev::provider::{Provider, Reply, Wire};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{answering, asking};
use crate::support::bedrock_keys::Role;
use crate::support::clock::Clock;
use crate::support::function::{self, Function, TOKEN, local_function, send_hello};
use crate::support::secrets::register;

const ROLE: Role = Role {
    access_key_id: "AKIDMANTLE",
    secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYMANTLEKEY",
    session_token: "IQoJb3JpZ2luX2VjE/mantle+session==",
    region: "us-east-2",
};

/// The adapters, each with its wire and the address below the stand-in's that its requests go to.
const ADAPTERS: [(&str, Wire, &str); 2] = [
    ("mantle/openai.gpt-oss-120b", Wire::OpenAiChat, "/v1/chat/completions"),
    ("mantle-responses/openai.gpt-oss-120b", Wire::OpenAiResponses, "/v1/responses"),
];

/// The endpoint, and a clock that a test may share with a function.
struct Mantle {
    provider: Provider,
    /// How many seconds the clocks of the endpoint and of the function are ahead.
    ahead: Arc<AtomicI64>,
}

impl Mantle {
    /// Starts the endpoint. It refuses requests that have no valid key of [`ROLE`].
    async fn start() -> Self {
        let provider = Provider::start().await.unwrap();
        let ahead = Arc::new(AtomicI64::new(0));
        let seconds = Arc::clone(&ahead);
        provider.check_headers(move |headers| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let now = now.saturating_add_signed(seconds.load(Ordering::SeqCst));
            ROLE.check(headers, now).map_err(|_| Reply::error(Wire::OpenAiChat, 401, "Invalid bearer token"))
        });
        Self { provider, ahead }
    }

    /// Starts a function with this model at the endpoint, with a role and these variables.
    async fn function(&self, model: &str, role: Role, more: &[(&str, &str)]) -> Function {
        register(role.session_token);
        register(role.secret_access_key);
        let url = format!("{}/v1", self.provider.url());
        let variables = [("AGUI_MODEL", model), ("AWS_BEDROCK_BASE_URL", &url)];
        local_function(&[&variables[..], &role.variables(), more].concat()).await
    }

    /// Returns the keys of the requests so far. No log line may contain one of them, or the request in it.
    fn keys(&self) -> Vec<String> {
        let key = |request: &ag_ui_dev::provider::RecordedRequest| {
            let header = request.headers["authorization"].to_str().unwrap();
            header.strip_prefix("Bearer ").unwrap().to_owned()
        };
        let keys: Vec<_> = self.provider.requests().iter().map(key).collect();
        for key in &keys {
            register(key);
            let signed =
                key.strip_prefix("bedrock-api-key-").and_then(|signed| BASE64_STANDARD.decode(signed).ok());
            signed.into_iter().for_each(|signed| register(&String::from_utf8(signed).unwrap()));
        }
        keys
    }
}

/// Returns the code of a run's error, or its outcome.
fn code(run: &function::Reply) -> String {
    let last = run.events.last().unwrap();
    last["code"].as_str().or(last["outcome"]["type"].as_str()).unwrap_or("?").to_owned()
}

#[tokio::test]
async fn a_run_with_tools_has_a_valid_key_in_each_request() {
    for (model, wire, path) in ADAPTERS {
        let mantle = Mantle::start().await;
        let function = mantle.function(model, ROLE, &[]).await;
        mantle.provider.queue([Reply::stream(wire, &asking(wire, 1)), Reply::stream(wire, &answering(1))]);

        let run = send_hello(&function, TOKEN).await;

        assert_eq!(code(&run), "success", "{}", run.text);
        assert_eq!(
            run.events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT").count(),
            2,
            "{}",
            run.text
        );
        assert!(run.text.contains("fine in both."), "{}", run.text);
        let (provider, id) = model.split_once('/').unwrap();
        let usage = &run.events.last().unwrap()["usage"][0];
        assert_eq!((&usage["provider"], &usage["model"]), (&provider.into(), &id.into()));
        let requests = mantle.provider.requests();
        let sent: Vec<_> =
            requests.iter().map(|request| (request.path.as_str(), &request.rejection)).collect();
        assert_eq!(sent, [(path, &None), (path, &None)]);
        let keys = mantle.keys();
        assert_eq!(keys[0], keys[1], "a key is used for many requests");
    }
}

#[tokio::test]
async fn keys_of_another_role_or_region_are_refused() {
    for (model, ..) in ADAPTERS {
        for role in [
            Role { secret_access_key: "another-secret-of-40-characters-for-this", ..ROLE },
            Role { session_token: "an-older-session", ..ROLE },
            Role { region: "eu-west-1", ..ROLE },
        ] {
            let mantle = Mantle::start().await;
            let function = mantle.function(model, role, &[]).await;

            let run = send_hello(&function, TOKEN).await;

            assert_eq!(code(&run), "MODEL_MISCONFIGURED", "{}", run.text);
            assert!(mantle.keys().iter().all(|key| !run.text.contains(key)), "{}", run.text);
            assert!(
                function.logs().iter().any(|line| line.contains("Invalid bearer token")),
                "{:?}",
                function.logs()
            );
        }
    }
}

#[tokio::test]
async fn errors_of_the_endpoint_have_the_codes_of_other_providers() {
    for (model, wire, _) in ADAPTERS {
        let mantle = Mantle::start().await;
        let function = mantle.function(model, ROLE, &[]).await;
        for (status, message, expected) in [
            (403, "not authorized to perform bedrock-mantle:CreateInference", "MODEL_MISCONFIGURED"),
            (404, "The model does not exist", "MODEL_MISCONFIGURED"),
            (400, "the model isn't supported on this route", "MODEL_REFUSED"),
            (429, "Too many requests", "MODEL_THROTTLED"),
            (503, "overloaded", "MODEL_UNAVAILABLE"),
        ] {
            mantle.provider.reply_always(Reply::error(wire, status, message).header("retry-after", "0"));

            let run = send_hello(&function, TOKEN).await;

            assert_eq!(code(&run), expected, "{model} {status}: {}", run.text);
            mantle.keys();
        }
    }
}

#[tokio::test]
async fn a_key_is_replaced_before_it_expires() {
    let mantle = Mantle::start().await;
    let clock = Clock::new("mantle");
    let wire = Wire::OpenAiChat;
    let function = mantle.function("mantle/openai.gpt-oss-120b", ROLE, &clock.variables()).await;
    mantle.provider.reply_always(Reply::stream(wire, &answering(1)));

    // The last of these keys is an hour and a half younger than the first, which has expired by then.
    for seconds in [0, 2900, 3100, 5900] {
        clock.jump_to(seconds);
        mantle.ahead.store(seconds, Ordering::SeqCst);
        let run = send_hello(&function, TOKEN).await;
        assert_eq!(code(&run), "success", "{seconds} s: {}", run.text);
    }

    let keys = mantle.keys();
    assert_eq!((&keys[0], &keys[2]), (&keys[1], &keys[3]));
    assert_ne!(keys[0], keys[2]);
}

#[tokio::test]
async fn a_key_in_its_variable_is_sent_unchanged() {
    const KEY: &str = "bedrock-api-key-of-the-console-0123456789";
    let provider = Provider::start().await.unwrap();
    let mantle = Mantle { provider, ahead: Arc::default() };
    let function =
        mantle.function("mantle/openai.gpt-oss-120b", ROLE, &[("AWS_BEARER_TOKEN_BEDROCK", KEY)]).await;
    mantle.provider.queue([Reply::stream(Wire::OpenAiChat, &answering(1))]);

    assert_eq!(code(&send_hello(&function, TOKEN).await), "success");
    assert_eq!(mantle.keys(), [KEY]);

    mantle.provider.queue([Reply::error(Wire::OpenAiChat, 401, "Invalid bearer token")]);
    assert_eq!(code(&send_hello(&function, TOKEN).await), "MODEL_MISCONFIGURED");
    assert_eq!(mantle.keys().len(), 2, "there is no other key");
}
