//! One run of an agent, from `RUN_STARTED` to its last event.
//!
//! - `request` is what a run is asked for.
//! - `client_input` leaves out what clients may not send.
//! - `driver` starts the run, joins its parts and ends it.
//! - `context` is what is fixed during a run, `io` what changes.
//! - `history` makes the turns that a model reads of the client's messages.
//! - `conversation` asks the model and runs the calls, turn after turn.
//! - `compaction` leaves the oldest turns out of a conversation that is too long.
//! - `model_turn` is one turn of a model; `retry` decides which model is asked and when, and `reduced_request` drops what a
//!   model cannot read.
//! - `tool_calls` runs the calls of a turn.
//! - `final_result` asks the model for the result of the run.
//! - `limits` decides when a run must stop and whose turn it is; `request_size` counts what a request to a model holds.
//! - `tool_events` passes on what tools emit while they run.
//! - `provider_state` keeps what a provider wants back in a later turn.
//! - `placeholder_result` has the texts that stand for a missing result.
//! - `end` lists how a run ends.
//! - `stream` is the stream that the caller reads.

pub(super) mod client_input;
mod compaction;
pub(super) mod context;
mod conversation;
pub(super) mod driver;
pub(super) mod end;
mod final_result;
pub(super) mod history;
pub(super) mod io;
pub(super) mod limits;
mod model_turn;
pub(super) mod placeholder_result;
mod provider_state;
mod reduced_request;
pub(super) mod request;
mod request_size;
mod retry;
pub(super) mod stream;
mod tool_calls;
mod tool_events;
