//! Whose request it was, as far as addresses can tell.
//!
//! Go: apiserver/pkg/audit/request.go, apimachinery/pkg/util/net/http.go SourceIPs

use std::net::IpAddr;

use crate::request::context::Context;

/// Returns the addresses a request came from: what proxies say in their headers, then the peer itself.
///
/// Go: apimachinery/pkg/util/net/http.go SourceIPs
pub fn source_ips(cx: &Context) -> Vec<String> {
    let mut ips: Vec<IpAddr> = Vec::new();
    let mut add = |text: &str| {
        if let Ok(ip) = text.trim().parse::<IpAddr>()
            && !ips.contains(&ip)
        {
            ips.push(ip);
        }
    };
    cx.header("x-forwarded-for").split(',').for_each(&mut add);
    add(cx.header("x-real-ip"));
    let peer = cx.remote_addr.parse::<std::net::SocketAddr>().map(|address| address.ip().to_string());
    add(&peer.unwrap_or_default());
    ips.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    #[test]
    fn proxies_are_heard_before_the_peer() {
        let mut cx = testing::context("GET", "/");
        cx.remote_addr = "[::1]:1234".into();
        cx.headers.insert("x-forwarded-for", "10.0.0.1, nonsense, 10.0.0.2".parse().expect("header"));
        cx.headers.insert("x-real-ip", "10.0.0.1".parse().expect("header"));
        assert_eq!(source_ips(&cx), ["10.0.0.1", "10.0.0.2", "::1"]);
    }
}
