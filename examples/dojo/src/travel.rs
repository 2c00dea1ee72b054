//! Shows A2UI: tools whose result is a surface. Its layout is fixed, and a call only brings the data.
//!
//! A front end with A2UI, such as CopilotKit, renders the result as cards.

use ag_ui_lambda::{ToolContext, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use ag_ui_function::caller::Caller;

// #region catalog
/// The id of the catalog whose components the surfaces consist of. A front end finds the components by this id.
const BASIC_CATALOG: &str = "https://a2ui.org/specification/v0_9/basic_catalog.json";
// #endregion

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlightArgs {
    /// Airport or city of departure, e.g. `SFO`.
    from: String,
    /// Airport or city of arrival, e.g. `JFK`.
    to: String,
}

/// The tool `search_flights`: returns two flights as cards. This sample always finds the same two.
pub(crate) async fn search_flights(
    _: ToolContext<Caller>,
    FlightArgs { from, to }: FlightArgs,
) -> Result<Value, ToolError> {
    let cards = json!([
        { "title": "UA 214", "text": format!("{from} to {to}, 08:15 to 16:40, on time"), "price": "$289" },
        { "title": "DL 877", "text": format!("{from} to {to}, 11:30 to 20:05, on time"), "price": "$315" },
    ]);
    Ok(surface("flight-search-results", &format!("Flights from {from} to {to}"), &cards))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HotelArgs {
    /// City, or a part of it, e.g. `downtown Manhattan`.
    place: String,
}

/// The tool `search_hotels`: returns two hotels as cards. This sample always finds the same two.
pub(crate) async fn search_hotels(
    _: ToolContext<Caller>,
    HotelArgs { place }: HotelArgs,
) -> Result<Value, ToolError> {
    let cards = json!([
        { "title": "The Grand Hotel", "text": format!("{place}, 4.5 of 5 stars"), "price": "$420 a night" },
        { "title": "The Little Inn", "text": format!("{place}, 4.2 of 5 stars"), "price": "$260 a night" },
    ]);
    Ok(surface("hotel-search-results", &format!("Hotels in {place}"), &cards))
}

/// Returns the result of a tool that A2UI renders: the surface `id` with a heading and a card for each entry of `cards`,
/// which have `title`, `text` and `price`.
fn surface(id: &str, heading: &str, cards: &Value) -> Value {
    let text = |id: &str, variant: &str, path: &str| json!({ "id": id, "component": "Text", "variant": variant, "text": { "path": path } });
    let components = json!([
        { "id": "root", "component": "Column", "children": ["heading", "cards"] },
        text("heading", "h3", "/heading"),
        { "id": "cards", "component": "Column", "children": { "componentId": "card", "path": "/cards" } },
        { "id": "card", "component": "Card", "child": "lines" },
        { "id": "lines", "component": "Column", "children": ["title", "text", "price"] },
        text("title", "h4", "title"),
        text("text", "body", "text"),
        text("price", "h5", "price"),
    ]);
    let data = json!({ "heading": heading, "cards": cards });
    json!({ "a2ui_operations": [
        { "version": "v0.9", "createSurface": { "surfaceId": id, "catalogId": BASIC_CATALOG } },
        { "version": "v0.9", "updateComponents": { "surfaceId": id, "components": components } },
        { "version": "v0.9", "updateDataModel": { "surfaceId": id, "path": "/", "value": data } },
    ] })
}
