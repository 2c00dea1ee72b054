//! The function stands in an `impl`.

use ag_ui_lambda::{ToolContext, ToolError, tool};

struct Caller;

struct Shop;

impl Shop {
    /// Says hello.
    #[tool]
    async fn greet(_: ToolContext<Caller>) -> Result<String, ToolError> {
        Ok("Hello.".into())
    }
}

fn main() {}
