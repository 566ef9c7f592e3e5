//! The server in front, and the proxy to extension servers.
//!
//! Go: k8s.io/kube-aggregator
//!
//! An `APIService` says who serves one version of a group: nobody in particular (`spec.service` is empty: the servers
//! behind this one) or a service of the cluster. The aggregator keeps a route for each of them.
//!
//! ```text
//!   /apis, /apis/GROUP        handler_apis         made of the APIServices
//!   /apis/GROUP/VERSION/...   handler_proxy        local: the next server of the chain
//!                                                  else:  extension_server, over TLS, as the user that asks
//!
//!   APIService changed -> apiservice_controller    routes come and go
//!                      -> controllers::status      may it be asked?  status.conditions Available
//!                      -> handler_discovery        its resources, in the one document of /apis
//!                      -> controllers::openapi     its documents below /openapi
//!   controllers::autoregister                      the other way round: what is served gets an APIService
//! ```
//!
//! Read in this order.

pub mod apiservice;

pub mod extension_server;
pub mod handler_apis;
pub mod handler_proxy;

pub mod apiservice_controller;
pub mod handler_discovery;

pub mod controllers;

pub mod apiserver;
