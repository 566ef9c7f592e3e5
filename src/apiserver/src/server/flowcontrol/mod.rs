//! Whose turn it is: requests queue by flow, so that one client cannot starve the others.
//!
//! ```text
//!   request --classify--> FlowSchema --names--> PriorityLevel      `config`, `rule`, `controller`
//!              by who asks and for what            |
//!                                                  v
//!                                              QueueSet           `queueset`: seats, and fair queues before them
//!                        flow = (schema, user or namespace) --hash--> a hand of queues, the emptiest is taken
//! ```
//!
//! A seat is a share of the server's attention; a large list takes several (`width`). Levels lend
//! each other seats that they do not need (`borrowing`).
//!
//! Go: apiserver/pkg/util/flowcontrol

pub mod borrowing;
pub mod config;
pub mod config_consumer;
pub mod controller;
pub mod dropped_requests;
pub mod queueset;
pub mod rule;
pub mod shufflesharding;
pub mod width;
