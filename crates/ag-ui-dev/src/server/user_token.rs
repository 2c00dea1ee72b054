//! Issues the JWT of a sample person, as an identity provider does after the person has signed in.
//!
//! A web application on this machine asks for it and sends it to the function in the header `x-agui-user-token`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error_response::ErrorResponse;
use super::host::TOKEN_TTL_S;
use super::server_state::ServerState;
use super::settings::Person;

/// The body of a request for a JWT.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    /// The id of a sample person who has claims.
    person: String,
    /// For how many seconds the JWT is valid; it has expired if the number is negative. An hour by default.
    expires_in: Option<i64>,
}

/// Signs a JWT of the local issuer with the claims of the sample person that the body names. The response has the members of
/// an OAuth token response, and the claims of the person.
///
/// # Errors
/// [`ErrorResponse`] 400 if the body is malformed or names no person with claims.
pub(super) async fn issue(state: &ServerState, body: &Bytes) -> Result<Value, ErrorResponse> {
    let request: TokenRequest = serde_json::from_slice(body).map_err(ErrorResponse::bad_request)?;
    let people = Person::samples().into_iter().filter_map(|person| Some((person.id, person.claims?)));
    let people: Vec<_> = people.collect();
    let Some((_, claims)) = people.iter().find(|(id, _)| *id == request.person) else {
        let ids: Vec<_> = people.iter().map(|(id, _)| *id).collect();
        return Err(ErrorResponse::bad_request(format!(
            "There is no such person with claims. The sample people are {}.",
            ids.join(", ")
        )));
    };
    let ttl = request.expires_in.unwrap_or(TOKEN_TTL_S);
    let token = state.host.sign(claims, ttl).await?;
    Ok(json!({ "access_token": token, "token_type": "Bearer", "expires_in": ttl, "claims": claims }))
}
