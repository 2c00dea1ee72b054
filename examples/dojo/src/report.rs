//! Shows a result in parts: text, a picture and a link.

use ag_ui_lambda::protocol::Source;
use ag_ui_lambda::{NoArgs, Parts, ToolContext, ToolError};
use serde_json::json;

use ag_ui_function::caller::Caller;

/// The sales of six months as bars.
const CHART: &[u8] = include_bytes!("chart.png");

/// The tool `sales_report`: returns the sales as a sentence, as a chart and as a link. Clients of AG-UI before 1.0 get
/// the sentence only, so it says what matters.
pub(crate) async fn sales_report(_: ToolContext<Caller>, _: NoArgs) -> Result<Parts, ToolError> {
    Ok(Parts::new()
        .text("Sales rose from 46 in January to 112 in June.")
        .image(Source::bytes(CHART, "image/png"))
        .document(Source::url("https://acme.example/reports/sales.pdf"))
        .with_metadata(json!({ "title": "Sales from January to June" })))
}
