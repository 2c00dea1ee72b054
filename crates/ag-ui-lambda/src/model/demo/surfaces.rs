//! A2UI surfaces that the script composes by itself, if the front end offers the tool `render_a2ui`.

use serde_json::{Value, json};

/// The tool with which CopilotKit's runtime lets a model compose a surface.
pub(super) const TOOL: &str = "render_a2ui";

/// A surface of the script: a heading and cards.
struct Surface {
    /// A message with all of these words asks for this surface.
    words: &'static [&'static str],
    id: &'static str,
    heading: &'static str,
    /// The title, the text and the value of each card.
    cards: &'static [[&'static str; 3]],
}

/// The surfaces. The first one whose words are in the message is composed.
const SURFACES: &[Surface] = &[
    Surface {
        words: &["flight", "card"],
        id: "flight-card",
        heading: "Your flight",
        cards: &[["LH 716", "Frankfurt to Tokyo, 13:10 to 08:55", "Gate B 42"]],
    },
    Surface {
        words: &["dashboard"],
        id: "dashboard",
        heading: "Today at a glance",
        cards: &[
            ["Visitors", "since midnight", "1,204"],
            ["Orders", "3 of them are open", "57"],
            ["Revenue", "12 % more than yesterday", "€4,310"],
        ],
    },
    Surface {
        words: &["compare", "hotels"],
        id: "hotel-comparison",
        heading: "Three hotels",
        cards: &[
            ["Hotel Alster", "Hamburg, 4.8 of 5 stars", "€310 a night"],
            ["Hotel Tejo", "Lisbon, 4.5 of 5 stars", "€190 a night"],
            ["Hotel Sumida", "Tokyo, 4.7 of 5 stars", "€270 a night"],
        ],
    },
    Surface {
        words: &["compare", "headphones"],
        id: "product-comparison",
        heading: "Three headphones",
        cards: &[
            ["Quiet One", "30 hours, folds flat", "€349"],
            ["Open Air", "25 hours, light", "€249"],
            ["Studio", "40 hours, with a cable", "€429"],
        ],
    },
    Surface {
        words: &["team", "people"],
        id: "team-roster",
        heading: "The team",
        cards: &[
            ["Amelie Brandt", "Engineering", "amelie@acme.example"],
            ["Ben Okafor", "Design", "ben@acme.example"],
            ["Chiara Rossi", "Sales", "chiara@acme.example"],
            ["Dai Nakamura", "Support", "dai@acme.example"],
        ],
    },
];

/// Returns the arguments of `render_a2ui` for the surface that a message asks for; `None` if it asks for none. `has_word`
/// tells whether the message contains a word.
pub(super) fn find_surface(has_word: impl Fn(&str) -> bool) -> Option<Value> {
    SURFACES.iter().find(|surface| surface.words.iter().all(|word| has_word(word))).map(Surface::arguments)
}

impl Surface {
    /// Returns the arguments of the call that renders this surface. Its components are those of A2UI's basic catalog,
    /// and the cards are data, so that they appear one after another while the arguments are written.
    fn arguments(&self) -> Value {
        let text = |id: &str, variant: &str| json!({ "id": id, "component": "Text", "variant": variant, "text": { "path": id } });
        let cards = self
            .cards
            .iter()
            .map(|[title, text, value]| json!({ "title": title, "text": text, "value": value }));
        json!({
            "surfaceId": self.id,
            "components": [
                { "id": "root", "component": "Column", "children": ["heading", "cards"] },
                { "id": "heading", "component": "Text", "variant": "h3", "text": self.heading },
                { "id": "cards", "component": "Column", "children": { "componentId": "card", "path": "/cards" } },
                { "id": "card", "component": "Card", "child": "lines" },
                { "id": "lines", "component": "Column", "children": ["title", "text", "value"] },
                text("title", "h4"),
                text("text", "body"),
                text("value", "h5"),
            ],
            "data": { "cards": cards.collect::<Vec<_>>() },
        })
    }
}
