//! What follows APIServices, and what they follow.
//!
//! Go: kube-aggregator/pkg/controllers
//!
//! Every controller is a queue of names: whoever hears of a change adds a name, a worker takes it and brings the world in
//! line with the object of that name as it is now.

pub mod queue;

pub mod autoregister;
pub mod openapi;
pub mod status;
