//! Texts that the script writes for the pages of the AG-UI dojo: a poem, a plan, a story, a recipe.

use serde_json::{Value, json};

/// Ends every answer in text.
pub(super) const DISCLAIMER: &str = "(I am a demo script, not a language model.)";

/// The answer to the wish for a sonnet.
pub(super) const SONNET: &str = "A script was asked to write of thinking machines, and found fourteen lines too many. \
     It counts no feet, it knows no rhyme, it means no harm, and so it ends. ";

/// A CSS gradient for backgrounds.
pub(super) const GRADIENT: &str = "linear-gradient(135deg, #134e5e 0%, #71b280 100%)";

/// Two poems: their Japanese lines, the same in English, and the picture that the page of the dojo has for them.
const HAIKU: [([&str; 3], [&str; 3], &str); 2] = [
    (
        ["古池や", "蛙飛び込む", "水の音"],
        ["The old pond is still", "A frog leaps into the depths", "The sound of water"],
        "Bonsai_Tree_Potted_Japanese_Art_Green_Foliage.jpeg",
    ),
    (
        ["やれ打つな", "蝿が手をすり", "足をする"],
        ["Oh, do not strike it", "The fly wrings its hands, it begs", "It wrings its feet, too"],
        "Mount_Fuji_Lake_Reflection_Cherry_Blossoms_Sakura_Spring.jpg",
    ),
];

/// Returns the arguments of the demo model's call of `generate_haiku`: one of two poems in turn. `written` is the number
/// of poems so far.
pub(super) fn haiku_arguments(written: usize) -> Value {
    let (japanese, english, image) = HAIKU[written % HAIKU.len()];
    json!({ "japanese": japanese, "english": english, "image_name": image, "gradient": GRADIENT })
}

/// The number of sentences of a long text.
const LONG_TEXT_SENTENCES: usize = 60;

/// Returns a text that takes a while to write, so that there is time to stop it.
pub(super) fn long_text() -> String {
    let sentence = |number| format!("This is sentence {number} of {LONG_TEXT_SENTENCES}. ");
    (1..=LONG_TEXT_SENTENCES).map(sentence).collect()
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

/// Returns the arguments of the demo model's call that shows a plan of `count` steps, of which there can be ten. The
/// plan begins with the steps that the user has `named`.
pub(super) fn plan_steps(count: usize, named: Vec<String>) -> Value {
    let fixed = STEPS.iter().skip(named.len()).map(|step| (*step).to_owned());
    let steps = named.into_iter().chain(fixed).take(count);
    let step = |description| json!({ "description": description, "status": "enabled" });
    json!({ "steps": steps.map(step).collect::<Vec<_>>() })
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
