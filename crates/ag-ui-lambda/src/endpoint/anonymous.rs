//! What a caller may do about whom nothing is proven.
//!
//! It is found out at start and by the code that decides for requests, so that an operator sees what is open.

use std::collections::BTreeSet;

use super::Endpoint;
use crate::auth::{Claims, Principal};

/// The backend tools of all agents for a caller about whom nothing is proven: their names in alphabetical order.
#[derive(Default)]
pub(super) struct AnonymousTools {
    /// The caller may call these.
    pub(super) open: BTreeSet<String>,
    /// The caller could call these if a person could be asked for the caller.
    pub(super) without_approver: BTreeSet<String>,
}

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Returns the names of the backend tools of all agents that an anonymous caller may call, in alphabetical order.
    ///
    /// The list is empty if no anonymous caller is served: if requests need the proof of an authorizer or a user's token, or
    /// if the application's mapping forbids empty claims or panics with them. Otherwise the mapping is called once, with
    /// [`Claims::anonymous`], and the rules of the tools are asked about the caller that it returns. The list is logged once,
    /// when the endpoint is built.
    pub fn anonymous_tools(&self) -> Vec<String> {
        self.tools_of_anonymous_caller().open.into_iter().collect()
    }

    /// Finds out what an anonymous caller may call, as [`anonymous_tools`](Self::anonymous_tools) describes.
    pub(super) fn tools_of_anonymous_caller(&self) -> AnonymousTools {
        let inner = &self.inner;
        if !inner.authenticator.serves_anonymous_callers() {
            return AnonymousTools::default();
        }
        let claims = Claims::anonymous();
        let Ok(Ok(caller)) = inner.map_claims(&claims) else { return AnonymousTools::default() };
        let principal = Principal::of(&claims, &inner.principal_claims);
        let mut tools = AnonymousTools::default();
        for agent in inner.routes.agents() {
            tools.open.extend(agent.offered_tools(&caller, principal.as_ref()));
            tools.without_approver.extend(agent.tools_without_approver(&caller, principal.as_ref()));
        }
        tools
    }
}
