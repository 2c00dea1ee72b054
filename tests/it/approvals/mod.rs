//! Calls that wait for a person: asked for in one run, answered in another, and everything that may come between.

mod body;
mod echo;
mod flow;
mod forgery;
mod function;
mod guard;
mod later;
mod results;
mod rules;
mod shop;
mod table;
