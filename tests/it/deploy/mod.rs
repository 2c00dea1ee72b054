//! What is deployed: the templates, `make deploy`, and the dependencies of the packaged function.

mod answers;
mod aws_commands;
mod cargo_lambda;
mod changes;
mod dependencies;
mod entry_points;
mod faults;
mod machine;
mod make_deploy;
mod models;
mod pasted;
mod refused;
mod removal;
mod stacks;
mod starter;
mod template;
mod workflow;
