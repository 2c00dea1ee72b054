//! The event writer: the only producer of the events of a run.
//!
//! A client fails a run whose events are out of order, and it takes a stream that just stops for a success. So a server
//! makes its events here and nowhere else. [`Transcript`] has a method for each thing that can happen in a run, and none
//! that takes an event. It queues the events of each call in a valid order; [`Transcript::next_event`] takes them out.
//!
//! What a caller leaves open, the transcript closes: a message when other output begins, steps and tool calls at the end
//! of the run. Three mistakes do not compile.
//!
//! A run that has ended cannot go on:
//! ```compile_fail,E0382
//! use ag_ui_wire::transcript::{SequentialIds, Transcript};
//! let mut run = Transcript::begin("t".into(), "r".into(), SequentialIds::default());
//! run.finish();
//! run.text("too late");
//! ```
//! A call whose arguments are still streamed cannot get a result:
//! ```compile_fail,E0308
//! use ag_ui_wire::transcript::{SequentialIds, Transcript};
//! let mut run = Transcript::begin("t".into(), "r".into(), SequentialIds::default());
//! let open = run.tool_call("c".into(), "clock");
//! run.tool_result(open, "noon");
//! ```
//! A call cannot get two results:
//! ```compile_fail,E0382
//! use ag_ui_wire::transcript::{SequentialIds, Transcript};
//! let mut run = Transcript::begin("t".into(), "r".into(), SequentialIds::default());
//! let open = run.tool_call("c".into(), "clock");
//! let closed = run.end_call(open);
//! run.tool_result(closed, "noon");
//! run.tool_result(closed, "midnight");
//! ```
//!
//! The methods lie in files of their own, by what they write: `writer` (the run's start, text and reasoning, tokens, the
//! queue), `encrypted_values`, `tool_calls`, `steps`, `activities`, `state`, `messages_snapshot` and `run_end`. The other
//! files hold what the transcript remembers between two calls.

mod activities;
mod calls;
mod client_view;
mod conversation;
mod delta_size;
mod encrypted_values;
mod id_source;
mod messages_snapshot;
mod partial_json;
mod run_end;
mod shared_state;
mod state;
mod steps;
mod tool_calls;
mod writer;

pub use activities::Activity;
pub use calls::{ClosedCall, OpenCall, UnfinishedCall};
pub use conversation::Conversation;
pub use id_source::{IdSource, RandomIds, SequentialIds};
pub use run_end::{RunError, UNANSWERED};
pub use steps::OpenStep;
pub use writer::Transcript;
