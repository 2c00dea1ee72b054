//! The events that Lambda's entry points make of an HTTP request: function URLs, REST APIs and HTTP APIs.
//!
//! An entry point with an authorizer also writes the claims that it has verified about the caller. Nothing is verified
//! here: the user of this module chooses the claims, and the event holds them in the form in which AWS would write them.
//!
//! Source: the sample events in `events/`, which follow the developer guides of Lambda and of API Gateway.

mod claims;
mod format_1;
mod format_2;

use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use claims::ClaimSet;

/// Says through which entry point a request reaches the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EntryPoint {
    /// The request uses a function URL with `AuthType: NONE`.
    #[default]
    FunctionUrl,
    /// The request uses a function URL with `AuthType: AWS_IAM`.
    FunctionUrlIam,
    /// The request uses a function URL and has the user's own JWT in the header `x-agui-user-token`.
    UserJwt,
    /// The request uses a REST API with a Cognito authorizer.
    RestCognito,
    /// The request uses a REST API with a Lambda authorizer.
    RestLambda,
    /// The request uses an HTTP API with a JWT authorizer.
    HttpApiJwt,
    /// The request uses an HTTP API with a Lambda authorizer.
    HttpApiLambda,
}

impl EntryPoint {
    /// Lists all entry points, in the order in which the page offers them.
    pub const ALL: [Self; 7] = [
        Self::FunctionUrl,
        Self::FunctionUrlIam,
        Self::UserJwt,
        Self::RestCognito,
        Self::RestLambda,
        Self::HttpApiJwt,
        Self::HttpApiLambda,
    ];

    /// Returns the id of the entry point for programs, such as `rest-cognito`. It is the same in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::FunctionUrl => "function-url",
            Self::FunctionUrlIam => "function-url-iam",
            Self::UserJwt => "user-jwt",
            Self::RestCognito => "rest-cognito",
            Self::RestLambda => "rest-lambda",
            Self::HttpApiJwt => "http-api-jwt",
            Self::HttpApiLambda => "http-api-lambda",
        }
    }

    /// Returns the name of the entry point for people, such as `REST API with Cognito`. The page lists the names for
    /// the developer's choice.
    pub fn name(self) -> &'static str {
        match self {
            Self::FunctionUrl => "Function URL",
            Self::FunctionUrlIam => "Function URL with IAM",
            Self::UserJwt => "Function URL with the user's JWT",
            Self::RestCognito => "REST API with Cognito",
            Self::RestLambda => "REST API with a Lambda authorizer",
            Self::HttpApiJwt => "HTTP API with a JWT authorizer",
            Self::HttpApiLambda => "HTTP API with a Lambda authorizer",
        }
    }

    /// Returns one sentence for the page about what the function learns of its caller through this entry point.
    pub fn description(self) -> &'static str {
        match self {
            Self::FunctionUrl => "Nothing is known about the caller: only the shared token counts.",
            Self::FunctionUrlIam => {
                "AWS has checked the signature of the request; the function reads the IAM ARN of the caller."
            }
            Self::UserJwt => "A JWT that the local issuer has signed; the function verifies it itself.",
            Self::RestCognito => "Cognito's claims, all of them as text, lists joined by commas.",
            Self::RestLambda => "The context that a Lambda authorizer returns, all of it as text.",
            Self::HttpApiJwt => {
                "The claims of a verified JWT, as text, lists in brackets. The run arrives in one piece."
            }
            Self::HttpApiLambda => {
                "The context that a Lambda authorizer returns, as JSON. The run arrives in one piece."
            }
        }
    }

    /// Whether the function learns claims about its caller through this entry point; false only for a function URL
    /// without IAM and JWT. The page of the development server warns if a caller who has claims uses an entry point
    /// without claims.
    pub fn has_claims(self) -> bool {
        self != Self::FunctionUrl
    }

    /// Makes the Lambda event for an HTTP request. `claims` are those of the caller, in the form of this entry point's
    /// authorizer; without claims the event has no authorizer.
    ///
    /// A body that is UTF-8 becomes text, and any other becomes Base64. For [`UserJwt`](Self::UserJwt) the request must
    /// have the signed token in its header already, and `claims` are not used.
    pub fn event(self, request: &Request<Bytes>, claims: Option<&ClaimSet>) -> Value {
        match self {
            Self::FunctionUrl | Self::UserJwt => format_2::function_url(request, None),
            Self::FunctionUrlIam => format_2::function_url(request, claims.map(claims::iam)),
            Self::RestCognito => format_1::rest_api(request, claims.map(claims::cognito)),
            Self::RestLambda => format_1::rest_api(request, claims.map(claims::rest_lambda)),
            Self::HttpApiJwt => format_2::http_api(request, claims.map(claims::http_api_jwt)),
            Self::HttpApiLambda => format_2::http_api(request, claims.map(claims::http_api_lambda)),
        }
    }
}

#[cfg(test)]
mod tests;
