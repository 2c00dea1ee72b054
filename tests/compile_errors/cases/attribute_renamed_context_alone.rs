//! The only parameter is the context, and it has another name than `ToolContext`.

use ag_ui_lambda::{ToolContext as Context, ToolError, tool};

struct Caller;

/// Says hello.
#[tool]
async fn greet(_: Context<Caller>) -> Result<String, ToolError> {
    Ok("Hello.".into())
}

fn main() {}
