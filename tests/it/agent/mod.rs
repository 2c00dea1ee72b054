//! The agent loop: runs, turns of the model, what clients may send, and the log lines of decisions.

mod audit;
mod client_compat;
mod client_input;
mod deny_by_default;
mod final_result;
mod instructions;
mod long_conversations;
mod model_turn;
mod run;
