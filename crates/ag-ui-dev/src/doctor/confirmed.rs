//! What a check finds out about several models: one that cannot be checked hides no fault of another one.

use super::report::Finding;

/// Why a model is not confirmed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unconfirmed {
    /// It cannot be used: the problem and the fix.
    Denied(String, String),
    /// It could not be checked, for this reason.
    Unknown(String),
}

/// The models that were checked.
#[derive(Debug, Default)]
pub(super) struct Confirmed {
    /// The names of those that can be used.
    usable: Vec<String>,
    /// What could not be checked, each with its reason.
    unknown: Vec<String>,
}

impl Confirmed {
    /// Adds what was found out about a model.
    ///
    /// # Errors
    /// Returns the problem and its fix if the model cannot be used.
    pub(super) fn add(
        &mut self,
        name: &str,
        access: Result<(), Unconfirmed>,
    ) -> Result<(), (String, String)> {
        match access {
            Ok(()) => self.usable.push(name.to_owned()),
            Err(Unconfirmed::Unknown(reason)) => {
                self.unknown.push(format!("{name} was not checked: {reason}"));
            }
            Err(Unconfirmed::Denied(problem, fix)) => return Err((problem, fix)),
        }
        Ok(())
    }

    /// Returns the finding if no model has a fault. `describe` says something about the models that can be used; `none` is the
    /// reason why there was no model to check.
    pub(super) fn finding(
        self,
        check: &'static str,
        none: &str,
        describe: impl FnOnce(&str) -> String,
    ) -> Finding {
        let unknown = self.unknown.join("; ");
        if self.usable.is_empty() {
            return Finding::skipped(check, if unknown.is_empty() { none } else { unknown.as_str() });
        }
        let found = describe(&self.usable.join(" and "));
        match unknown.is_empty() {
            true => Finding::ok(check, found),
            false => Finding::ok(check, format!("{found}; {unknown}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    /// Returns what is found about models with these results.
    fn outcome(models: Vec<(&str, Result<(), Unconfirmed>)>) -> Result<Outcome, (String, String)> {
        let mut found = Confirmed::default();
        for (name, access) in models {
            found.add(name, access)?;
        }
        Ok(found.finding("provider", "no model", |usable| format!("{usable} can be asked")).outcome)
    }

    #[test]
    fn model_that_cannot_be_checked_hides_no_other_one() {
        let unknown = || Err(Unconfirmed::Unknown("no key".to_owned()));
        let denied = || Err(Unconfirmed::Denied("wrong key".to_owned(), "set another".to_owned()));
        assert_eq!(
            outcome(vec![("a", unknown()), ("b", denied())]),
            Err(("wrong key".to_owned(), "set another".to_owned()))
        );
        assert_eq!(
            outcome(vec![("a", unknown()), ("b", Ok(()))]),
            Ok(Outcome::Ok("b can be asked; a was not checked: no key".to_owned()))
        );
        assert_eq!(
            outcome(vec![("a", unknown()), ("b", unknown())]),
            Ok(Outcome::Skipped("a was not checked: no key; b was not checked: no key".to_owned()))
        );
        assert_eq!(outcome(vec![("a", Ok(()))]), Ok(Outcome::Ok("a can be asked".to_owned())));
        assert_eq!(outcome(Vec::new()), Ok(Outcome::Skipped("no model".to_owned())));
    }
}
