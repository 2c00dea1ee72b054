//! The calls of a model's turn: who responds to each, and how their outcomes reach the client.

use futures_util::stream::FuturesUnordered;

use super::context::RunContext;
use super::io::RunIo;
use super::limits::Responder;
use super::model_turn::CompletedCall;
use super::placeholder_result::PlaceholderResult;
use crate::agent::interrupt::call::CallOutcome;
use crate::agent::interrupt::signer::CallRef;
use crate::model::CallResult;
use crate::protocol::Content;
use crate::transcript::{ClosedCall, IdSource, Transcript, UnfinishedCall};

impl<C: Send + Sync + 'static> RunContext<'_, C> {
    /// Runs the calls of a turn at the same time, and sends each result to the client as soon as the call completes.
    /// Calls of frontend tools are left to the client.
    ///
    /// Returns who responds to each call, and the results in the order of the calls.
    pub(super) async fn run_calls<S: IdSource>(
        &self,
        calls: Vec<CompletedCall>,
        io: &mut RunIo<S>,
    ) -> (Vec<Responder>, Vec<CallResult>) {
        let mut running = FuturesUnordered::new();
        let mut responders: Vec<Responder> = calls.iter().map(|call| self.responder(call)).collect();
        let mut results: Vec<Option<CallResult>> = calls.iter().map(|_| None).collect();
        for (index, completed) in calls.into_iter().enumerate() {
            match responders[index] {
                Responder::Server => running.push(async move {
                    let outcome = self.handle_call(&completed.call, completed.is_complete).await;
                    (index, outcome, completed)
                }),
                Responder::Client | Responder::Person => io.transcript.defer_to_client(completed.closed),
            }
        }
        io.flush().await;
        while let Some((index, outcome, completed)) = io.next_result(&mut running).await {
            let CompletedCall { call, closed, .. } = completed;
            match self.send_outcome(outcome, CallRef::from(&call), closed, io).await {
                Some(content) => results[index] = Some(CallResult { id: call.id, content }),
                None => responders[index] = Responder::Person,
            }
        }
        (responders, results.into_iter().flatten().collect())
    }

    /// Decides who responds to a call: the client if it is a call of a frontend tool, otherwise the server. The server
    /// also responds to a call of a frontend tool that was cut off or is not allowed, because the client would run it.
    fn responder(&self, completed: &CompletedCall) -> Responder {
        let may_be_made = completed.is_complete && self.may_call_tools();
        let is_frontend = self.frontend_tools().iter().any(|tool| tool.name == completed.call.name);
        if may_be_made && is_frontend { Responder::Client } else { Responder::Server }
    }

    /// Sends the outcome of a call to the client: its result, signed if possible, or the interrupt with which a person
    /// is asked. Returns the result for the model; `None` if the call waits for a person. `closed` is the call in the
    /// transcript.
    pub(crate) async fn send_outcome<S: IdSource>(
        &self,
        outcome: CallOutcome,
        call: CallRef<'_>,
        closed: ClosedCall,
        io: &mut RunIo<S>,
    ) -> Option<Content> {
        let result = match outcome {
            CallOutcome::Completed(content) => {
                let sent = io.transcript.downgrade(content.clone());
                let signature = match &self.access.signer {
                    Some(signer) => signer.sign_result(call, &sent).await,
                    None => None,
                };
                io.transcript.tool_result_with(closed, sent, signature);
                Some(content)
            }
            CallOutcome::Interrupted(pending) => {
                let interrupt = pending.into_interrupt(closed.id(), self.agent().client.send_expires_at);
                io.transcript.interrupt(closed, interrupt);
                None
            }
        };
        io.flush().await;
        result
    }

    /// Writes a placeholder result for each call that has no result, when a run is cancelled or has failed. It does not
    /// wait for keys, because the run is over.
    pub(super) fn send_placeholder_results<S: IdSource>(&self, transcript: &mut Transcript<S>) {
        for UnfinishedCall { closed, tool, arguments, .. } in transcript.take_unfinished() {
            let result = PlaceholderResult::Unfinished.into();
            let call = CallRef { id: closed.id(), tool: &tool, arguments: &arguments };
            let signature =
                self.access.signer.as_ref().and_then(|signer| signer.try_sign_result(call, &result));
            transcript.tool_result_with(closed, result, signature);
        }
    }
}
