//! The settings that the function reads when it starts.

mod startup;
