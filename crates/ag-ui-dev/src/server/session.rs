//! What the page has to know before its first request.

use serde_json::{Value, json};

use super::settings::Person;
use super::shared::Shared;
use crate::EntryPoint;

/// The session, as JSON.
pub(super) fn session(shared: &Shared) -> Value {
    let settings = &shared.settings;
    let entry_points = EntryPoint::ALL.map(|entry_point| {
        json!({
            "id": entry_point.id(), "name": entry_point.name(), "description": entry_point.description(),
            "claims": entry_point.has_claims(),
        })
    });
    json!({
        "mode": if settings.has_faults { "ag-ui-dev" } else { "local" },
        "function": { "name": settings.name, "program": settings.program, "model": settings.model },
        "token": token(shared),
        "token_header": settings.token_header,
        "entry_points": entry_points,
        "people": Person::samples(),
        "faults": shared.faults.list(&shared.host),
    })
}

/// The token that the function accepts; nothing where it lies in a secret that this server does not read.
pub(super) fn token(shared: &Shared) -> Option<String> {
    let literal = || shared.settings.token_secret.is_none().then(|| shared.settings.secrets.token.clone());
    shared.faults.token().or_else(literal)
}
