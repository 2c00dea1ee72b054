//! The system prompt of a run: a fixed part, and a part for the caller.
//!
//! Nothing else of the caller reaches the model: claims and the caller type stay in this process, and the application writes
//! both parts.

use std::sync::Arc;

/// Writes the instructions for a caller.
type ForCaller<C> = dyn Fn(&C) -> String + Send + Sync;

/// What stands between the two parts of the system prompt.
const SEPARATOR: &str = "\n\n";

/// The instructions of an agent. Both parts are optional.
pub(crate) struct Instructions<C> {
    /// The text that is the same in every run.
    fixed: Option<Arc<str>>,
    /// Writes the text for the caller of a run.
    for_caller: Option<Box<ForCaller<C>>>,
}

impl<C> Instructions<C> {
    /// Creates instructions without any part: the model gets no system prompt.
    pub(super) fn new() -> Self {
        Self { fixed: None, for_caller: None }
    }

    /// Sets the text that is the same in every run.
    pub(super) fn set_fixed(&mut self, text: Arc<str>) {
        self.fixed = Some(text);
    }

    /// Sets the function that writes the text for the caller of a run.
    pub(super) fn set_for_caller(&mut self, write: impl Fn(&C) -> String + Send + Sync + 'static) {
        self.for_caller = Some(Box::new(write));
    }

    /// Returns the system prompt for this caller: the fixed text, an empty line, and the text for the caller. A part that is
    /// not set, and an empty text for the caller, are left out together with the empty line. `None` if nothing is left.
    ///
    /// The fixed text comes first, because providers cache the beginning of a prompt, and so all callers share it. It panics if
    /// the application's function panics.
    pub(super) fn text(&self, caller: &C) -> Option<Arc<str>> {
        let for_caller = self.for_caller.as_ref().map(|write| write(caller)).filter(|text| !text.is_empty());
        match (&self.fixed, for_caller) {
            (Some(fixed), Some(for_caller)) if !fixed.is_empty() => {
                Some(format!("{fixed}{SEPARATOR}{for_caller}").into())
            }
            (_, Some(for_caller)) => Some(for_caller.into()),
            (fixed, None) => fixed.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_the_parts_that_are_there() {
        for (why, fixed, for_caller, expected) in [
            ("neither", None, None, None),
            ("only the fixed text", Some("Be brief."), None, Some("Be brief.")),
            ("only the text for the caller", None, Some("Plan"), Some("Plan: pro")),
            ("both", Some("Be brief."), Some("Plan"), Some("Be brief.\n\nPlan: pro")),
            ("nothing to say to this caller", Some("Be brief."), Some(""), Some("Be brief.")),
            ("an empty fixed text", Some(""), Some("Plan"), Some("Plan: pro")),
            ("nothing at all", None, Some(""), None),
        ] {
            let mut instructions = Instructions::<&str>::new();
            if let Some(fixed) = fixed {
                instructions.set_fixed(fixed.into());
            }
            if let Some(title) = for_caller {
                instructions.set_for_caller(move |plan| match title {
                    "" => String::new(),
                    title => format!("{title}: {plan}"),
                });
            }

            assert_eq!(instructions.text(&"pro").as_deref(), expected, "{why}");
        }
    }
}
