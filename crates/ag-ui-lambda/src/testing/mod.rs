//! A test kit for authors of agents: an agent runs in a unit test, and the test reads what a client would read.
//!
//! Nothing here uses HTTP or a network. [`TestAgent`] takes an agent with any model: a script
//! ([`Scripted`](crate::model::Scripted)), the demo model ([`demo`](crate::demo)) or a real one. [`TestClient`] keeps the
//! messages and the state of a thread as a user interface does, so that a test can have several turns. [`Run`] is what one
//! turn has shown.
//!
//! A unit test of a single tool needs no agent: see [`ToolContext::for_test`](crate::ToolContext::for_test). A test of
//! a complete function, with its entry points and its claims, uses the crate `ag-ui-dev`.
//!
//! The module adds no dependency, and a program that does not use it does not contain it.

mod client;
mod run;

use uuid::Uuid;

use crate::agent::Agent;
use crate::approval::{ApprovalKeys, Approvals};

pub use client::TestClient;
pub use run::{Run, RunCall};

/// An agent that a unit test runs. [`caller`](Self::caller) creates clients that talk to it.
///
/// ```
/// use ag_ui_lambda::model::{Script, Scripted};
/// use ag_ui_lambda::testing::TestAgent;
/// use ag_ui_lambda::{Agent, NoArgs, ToolContext, ToolError, tool_fn};
/// use serde_json::json;
///
/// struct Caller {
///     name: String,
/// }
///
/// async fn whoami(context: ToolContext<Caller>, _: NoArgs) -> Result<String, ToolError> {
///     Ok(context.caller().name.clone())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// // The script of the model: it calls the tool, and then it answers.
/// let model = Scripted::turns([
///     Script::new().call("call-1", "whoami", &json!({})),
///     Script::new().text("You are Ada."),
/// ]);
/// let agent = Agent::builder(model).tool(tool_fn("whoami", "Names the caller.", whoami)).build()?;
///
/// let run = TestAgent::new(agent).caller(Caller { name: "Ada".into() }).says("Who am I?").await;
///
/// assert_eq!(run.call("whoami").result.as_deref(), Some("Ada"));
/// assert_eq!(run.text, "You are Ada.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TestAgent<C> {
    agent: Agent<C>,
}

impl<C: Send + Sync + 'static> TestAgent<C> {
    /// Takes an agent into a test. An agent that has tools whose calls may wait for a person, and no [`Approvals`], gets
    /// approvals with a random key, because such tools would not be offered without them.
    ///
    /// # Panics
    /// Panics if such an agent has a clone, because the clone would be changed, too. A test of several callers needs no
    /// clone: [`caller`](Self::caller) can be called more than once.
    #[must_use]
    #[track_caller]
    pub fn new(agent: Agent<C>) -> Self {
        let key = Uuid::new_v4().simple().to_string();
        let keys = ApprovalKeys::literal(key.into()).expect("a UUID without hyphens has 32 characters");
        match agent.with_default_approvals(Approvals::new(keys)) {
            Some(agent) => Self { agent },
            None => panic!(
                "TestAgent::new cannot give approvals to an agent that has a clone: call `approvals` on its builder, or \
                 clone the agent afterwards"
            ),
        }
    }

    /// Creates a client that calls the agent on behalf of this caller, with a new thread.
    ///
    /// Each client is another user: what one of them was asked, another one cannot approve.
    #[must_use]
    pub fn caller(&self, caller: C) -> TestClient<C> {
        TestClient::new(self.agent.clone(), caller)
    }
}
