//! Texts that the script writes for the pages of the AG-UI dojo: a poem, a plan, a story, a recipe.

use serde_json::{Value, json};

/// The answer to the wish for a sonnet.
pub(super) const SONNET: &str = "A script was asked to write of thinking machines, and found fourteen lines too many. \
     It counts no feet, it knows no rhyme, it means no harm, and so it ends. ";

/// A CSS gradient for backgrounds.
pub(super) const GRADIENT: &str = "linear-gradient(135deg, #134e5e 0%, #71b280 100%)";

/// Returns the arguments of the demo model's call of `generate_haiku`, a fixed poem.
pub(super) fn haiku_arguments() -> Value {
    json!({
        "japanese": ["古池や", "蛙飛び込む", "水の音"],
        "english": ["The old pond is still", "A frog leaps into the depths", "The sound of water"],
        "image_name": "Bonsai_Tree_Potted_Japanese_Art_Green_Foliage.jpeg",
        "gradient": GRADIENT,
    })
}

/// The steps of every plan.
const STEPS: [&str; 10] = [
    "Look at the map",
    "Pack the bag",
    "Set off",
    "Cross the river",
    "Rest at noon",
    "Ask the way",
    "Climb the hill",
    "Find the place",
    "Write it down",
    "Come home",
];

/// Returns the arguments of the demo model's call that shows a plan: its first `count` steps, of which there are ten.
pub(super) fn plan_steps(count: usize) -> Value {
    let step = |description: &&str| json!({ "description": description, "status": "enabled" });
    json!({ "steps": STEPS.iter().take(count).map(step).collect::<Vec<_>>() })
}

/// Returns a fixed story in which `about` is the hero, for the document that the demo model writes.
pub(super) fn story(about: &str) -> String {
    format!(
        "Once there was {about}. Nobody knew where {about} came from, and nobody asked. One morning the sea was \
         calm, and {about} set off. The rest is for a better writer than a script."
    )
}

/// Returns the arguments of the demo model's call that creates a recipe: pasta with tomatoes.
pub(super) fn pasta_recipe() -> Value {
    let ingredient =
        |icon: &str, name: &str, amount: &str| json!({ "icon": icon, "name": name, "amount": amount });
    json!({
        "title": "Pasta with tomatoes",
        "ingredients": [
            ingredient("🍝", "Pasta", "400 g"),
            ingredient("🍅", "Tomatoes", "6"),
            ingredient("🧄", "Garlic", "2 cloves"),
        ],
        "instructions": ["Boil the pasta.", "Cook the tomatoes with the garlic.", "Mix them."],
    })
}

/// Returns the arguments of the demo model's call that adds this ingredient to a recipe. `icon` is an emoji.
pub(super) fn added_ingredient(icon: &str, name: &str, amount: &str) -> Value {
    json!({ "ingredient": { "icon": icon, "name": name, "amount": amount } })
}
