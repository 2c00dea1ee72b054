//! [`Budgets`]: what users and organisations may use on a day, and where it is counted.

use std::fmt;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::run_budget::{RunBudget, Share, TimedStore};
use super::store::{BudgetStore, Hold};
use super::subject::{SubjectKind, Subjects};
use crate::approval::format_iso_8601;
use crate::auth::{Claims, PrincipalClaims};

/// The length of a day in seconds.
const DAY_S: u64 = 86_400;

/// How long after the longest time of its run a hold lapses. Clocks differ, and the settlement takes a moment.
const LAPSE_MARGIN: Duration = Duration::from_secs(60);

/// How many tokens, read and written, each user and each organisation may use on one day, and the store that counts them. It
/// is cheap to clone.
///
/// A day begins at midnight UTC. The user and the organisation are those of proven claims, by the names of
/// [`EndpointBuilder::principal_claims`](crate::endpoint::EndpointBuilder::principal_claims). A caller whom no claim names
/// has no budget: only the limits of a run apply.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::budget::{Budgets, MemoryBudgetStore};
/// use ag_ui_lambda::{Agent, Claims, Endpoint, demo};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let budgets = Budgets::new(MemoryBudgetStore::new()).user_tokens(200_000).org_tokens(5_000_000);
/// let agent = Agent::builder(demo(Duration::ZERO)).build()?;
/// let endpoint = Endpoint::builder(agent, |_: &Claims| Ok(())).without_auth().budgets(budgets).build()?;
/// # let _ = endpoint;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Budgets {
    /// Counts what is used, by the clock that days and lapses are counted by.
    store: TimedStore,
    /// The tokens of each user and day; `None` if users have no budget.
    user_tokens: Option<u64>,
    /// The tokens of each organisation and day; `None` if organisations have no budget.
    org_tokens: Option<u64>,
}

impl Budgets {
    /// Creates budgets that are counted in this store. Nothing is limited before [`user_tokens`](Self::user_tokens) or
    /// [`org_tokens`](Self::org_tokens) is called.
    pub fn new(store: impl BudgetStore) -> Self {
        Self { store: TimedStore::new(store), user_tokens: None, org_tokens: None }
    }

    /// Sets how many tokens each user may use on a day.
    pub fn user_tokens(self, tokens: u64) -> Self {
        Self { user_tokens: Some(tokens), ..self }
    }

    /// Sets how many tokens all users of an organisation may use together on a day.
    pub fn org_tokens(self, tokens: u64) -> Self {
        Self { org_tokens: Some(tokens), ..self }
    }

    /// Sets the clock that decides which day it is and what has lapsed. The default is the system's clock; a test may set
    /// another one.
    pub fn clock(self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { store: self.store.with_clock(clock), ..self }
    }

    /// Returns the budgets of a run that the caller with these claims starts now. Nothing is reserved yet. `names` are the
    /// claims that hold the user and the organisation, and the run ends within `longest_run`.
    pub(crate) fn of_run(
        &self,
        claims: &Claims,
        names: &PrincipalClaims,
        longest_run: Duration,
    ) -> RunBudget {
        let Subjects { user, organization } = Subjects::of(claims, names);
        let now = self.store.now();
        let run = &Uuid::new_v4().simple().to_string()[..16];
        let share = |kind: SubjectKind, limit: Option<u64>, subject: Option<String>| {
            let (limit, subject) = limit.zip(subject)?;
            let lapses_at = now.saturating_add((longest_run + LAPSE_MARGIN).as_secs() + 1);
            let hold = Hold {
                budget: format!("{}#{}#{subject}", day_of(now), kind.name()),
                limit,
                run: run.to_owned(),
                tokens: 0,
                lapses_at,
                // A run that began just before midnight settles on the day on which it began.
                forget_at: end_of_day(now).max(lapses_at).saturating_add(DAY_S),
            };
            Some(Share::new(kind, hold, end_of_day(now)))
        };
        let user = share(SubjectKind::User, self.user_tokens, user);
        let organization = share(SubjectKind::Organization, self.org_tokens, organization);
        RunBudget::new(self.store.clone(), user.into_iter().chain(organization).collect())
    }
}

impl fmt::Debug for Budgets {
    /// Shows the numbers of tokens, and nothing of the store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets")
            .field("user_tokens", &self.user_tokens)
            .field("org_tokens", &self.org_tokens)
            .finish_non_exhaustive()
    }
}

/// Returns the date in UTC of a time in seconds since the Unix epoch, such as `2026-11-27`.
fn day_of(now: u64) -> String {
    let time = format_iso_8601(now);
    time.split_once('T').map_or_else(|| time.clone(), |(day, _)| day.to_owned())
}

/// Returns when the day of a time ends in UTC. Both are in seconds since the Unix epoch.
fn end_of_day(now: u64) -> u64 {
    (now / DAY_S + 1).saturating_mul(DAY_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_ends_at_midnight_utc() {
        for (now, day, left) in [
            (0, "1970-01-01", 86_400),
            (1_795_737_599, "2026-11-26", 1),
            (1_795_737_600, "2026-11-27", 86_400),
        ] {
            assert_eq!((day_of(now).as_str(), end_of_day(now) - now), (day, left), "{now}");
        }
    }
}
