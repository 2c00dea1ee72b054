//! Shows shared state: tools that change what the user sees and edits.

use ag_ui_lambda::{ToolContext, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use ag_ui_function::caller::Caller;

/// An ingredient, as the page shows it.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ingredient {
    /// An emoji, e.g. `🧂`.
    icon: String,
    /// What it is, e.g. `Salt`.
    name: String,
    /// How much of it, e.g. `1 pinch`.
    amount: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImproveArgs {
    /// What to add; salt if it is not there.
    ingredient: Option<Ingredient>,
}

/// The tool `improve_recipe`: adds an ingredient and an instruction to the recipe in the shared state, which the user
/// sees at once. Does nothing if the ingredient is in it already.
pub(crate) async fn improve(context: ToolContext<Caller>, args: ImproveArgs) -> Result<String, ToolError> {
    let added = args.ingredient.unwrap_or_else(|| Ingredient {
        icon: "🧂".into(),
        name: "Salt".into(),
        amount: "1 pinch".into(),
    });
    let name = added.name.to_lowercase();
    let state = context.state();
    let mut ingredients: Vec<Ingredient> = state.get("/recipe/ingredients")?.unwrap_or_default();
    if ingredients.iter().any(|ingredient| ingredient.name == added.name) {
        return Ok(format!("There is {name} in it already."));
    }
    let instruction = if name == "salt" { "Salt it.".to_owned() } else { format!("Add the {name}.") };
    ingredients.push(added);
    state.set("/recipe/ingredients", ingredients).await?;

    let mut instructions: Vec<String> = state.get("/recipe/instructions")?.unwrap_or_default();
    instructions.push(instruction);
    state.set("/recipe/instructions", instructions).await?;
    Ok(format!("There is {name} in it now."))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateArgs {
    /// Name of the dish.
    title: String,
    /// What it is made of.
    ingredients: Vec<Ingredient>,
    /// How it is made, step by step.
    instructions: Vec<String>,
}

/// The tool `create_recipe`: replaces the title, the ingredients and the instructions of the recipe in the shared
/// state. Its other members, such as the cooking time, stay.
pub(crate) async fn create(context: ToolContext<Caller>, args: CreateArgs) -> Result<String, ToolError> {
    let CreateArgs { title, ingredients, instructions } = args;
    let state = context.state();
    let mut recipe: Value = state.get("/recipe")?.unwrap_or_default();
    if !recipe.is_object() {
        recipe = json!({ "skill_level": "Beginner", "cooking_time": "30 min", "special_preferences": [] });
    }
    let done = format!("The recipe is now {title}.");
    recipe["title"] = title.into();
    recipe["ingredients"] = json!(ingredients);
    recipe["instructions"] = json!(instructions);
    state.set("/recipe", recipe).await?;
    Ok(done)
}
