//! The server in front, and the proxy to extension servers.
