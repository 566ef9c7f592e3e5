//! Transports, informers and webhooks.
