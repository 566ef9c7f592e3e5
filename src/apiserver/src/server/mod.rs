//! The generic API server: from options to a listening socket, and back.
//!
//! Go: apiserver/pkg/server
//!
//! ```text
//!   options ----apply_to---> Config --complete--> CompletedConfig --new--> GenericAPIServer
//!                                                                              | prepare_run
//!   listener <--serve-- SecureServingInfo <--non_blocking_run-- run <-- PreparedGenericAPIServer
//!      |
//!      '--> FullHandlerChain: filters, then the director, then a web service, a path, or the next server
//! ```
//!
//! Read in this order.

pub mod start_error;

pub mod options;

pub mod config;
pub mod delegation;
pub mod genericapiserver;
pub mod install;
pub mod run;

pub mod healthz;
pub mod hooks;
pub mod lifecycle_signals;

pub mod loopback;
pub mod secure_serving;

pub mod filters;
pub mod flowcontrol;
pub mod handler;
pub mod mux;
pub mod notfoundhandler;
pub mod routes;

pub mod storage_objects;

mod metrics;
