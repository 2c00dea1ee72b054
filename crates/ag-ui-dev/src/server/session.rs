//! What the page asks for when it is opened: the entry points, sample callers, faults and the token.

use serde_json::{Value, json};

use super::server_state::ServerState;
use super::settings::Person;
use crate::EntryPoint;

/// Describes the development server as JSON, for the page when it is opened: the function, entry points, sample callers,
/// faults and the token.
pub(super) fn session(state: &ServerState) -> Value {
    let settings = &state.settings;
    let entry_points = EntryPoint::ALL.map(|entry_point| {
        json!({
            "id": entry_point.id(), "name": entry_point.name(), "description": entry_point.description(),
            "claims": entry_point.has_claims(),
        })
    });
    json!({
        "mode": if settings.has_faults { "ag-ui-dev" } else { "local" },
        "function": { "name": settings.name, "program": settings.program, "model": settings.model },
        // The page sends no empty token.
        "token": if settings.has_shared_token { token(state) } else { Some(String::new()) },
        "token_header": settings.token_header,
        "entry_points": entry_points,
        "people": Person::samples(),
        "faults": state.faults.list(&state.host),
    })
}

/// Returns the shared token that the function accepts now. Returns `None` if the token is in a secret of AWS, which this
/// server does not read.
pub(super) fn token(state: &ServerState) -> Option<String> {
    let literal = || state.settings.token_secret.is_none().then(|| state.settings.secrets.token.clone());
    state.faults.token().or_else(literal)
}
