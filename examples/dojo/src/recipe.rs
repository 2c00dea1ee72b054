//! Shows shared state: a tool that works on what the user sees and edits.

use ag_ui_lambda::{NoArgs, ToolContext, ToolError};
use serde::{Deserialize, Serialize};

use ag_ui_function::caller::Caller;

/// An ingredient, as the page shows it.
#[derive(Serialize, Deserialize)]
struct Ingredient {
    icon: String,
    name: String,
    amount: String,
}

/// Adds salt. The rest of the recipe stays as the user has it; what changes, they see at once.
pub(crate) async fn improve(context: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
    let state = context.state();
    let mut ingredients: Vec<Ingredient> = state.get("/recipe/ingredients")?.unwrap_or_default();
    if ingredients.iter().any(|ingredient| ingredient.name == "Salt") {
        return Ok("There is salt in it already.");
    }
    ingredients.push(Ingredient { icon: "🧂".into(), name: "Salt".into(), amount: "1 pinch".into() });
    state.set("/recipe/ingredients", ingredients).await?;

    let mut instructions: Vec<String> = state.get("/recipe/instructions")?.unwrap_or_default();
    instructions.push("Salt it.".into());
    state.set("/recipe/instructions", instructions).await?;
    Ok("There is salt in it now.")
}
