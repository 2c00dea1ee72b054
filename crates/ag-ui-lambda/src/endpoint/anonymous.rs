//! What a caller may do about whom nothing is proven.
//!
//! It is found out at start and by the code that decides for requests, so that an operator sees what is open.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use super::Endpoint;
use crate::auth::{Claims, Principal};

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Returns the names of the backend tools of all agents that an anonymous caller may call, in alphabetical order.
    ///
    /// The list is empty if no anonymous caller is served: if requests need the proof of an authorizer or a user's token, or
    /// if the application's mapping forbids empty claims or panics with them. Otherwise the mapping is called once, with
    /// [`Claims::anonymous`], and the rules of the tools are asked about the caller that it returns. `serve_endpoint`
    /// logs the list once, at the start of a function.
    pub fn anonymous_tools(&self) -> Vec<String> {
        let inner = &self.inner;
        if inner.authenticator.needs_authorizer || inner.authenticator.user.is_some() {
            return Vec::new();
        }
        let claims = Claims::anonymous();
        let caller = std::panic::catch_unwind(AssertUnwindSafe(|| (inner.caller)(&claims)));
        let Ok(Ok(caller)) = caller else { return Vec::new() };
        let principal = Principal::of(&claims, &inner.principal_claims);
        let names = inner.routes.agents().flat_map(|agent| agent.offered_tools(&caller, principal.as_ref()));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }
}
