//! A whole generic server on a loopback port, spoken to over TLS.

mod peer;
mod server;

use http::Method;

use crate::{
    peer::{Protocol, get, request},
    server::TestServer,
};

#[tokio::test]
async fn both_protocols_reach_version_through_the_whole_chain() {
    let server = TestServer::start(|_| {}).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let answer = get(&server, protocol, "/version").await;
        assert_eq!(answer.code, 200, "{protocol:?}");
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["cache-control"], "no-cache, private");
        assert_eq!(answer.headers["audit-id"].len(), 36);
        assert!(answer.text.contains("\"minor\": \"36\""), "{}", answer.text);
    }
    server.stop().await.expect("stopped in good order");
}

#[tokio::test]
async fn unknown_paths_fall_through_to_the_not_found_handler() {
    let server = TestServer::start(|_| {}).await;
    let answer = get(&server, Protocol::Http2, "/nope").await;
    assert_eq!((answer.code, answer.text.as_str()), (404, "404 page not found\n"));
    let answer = get(&server, Protocol::Http2, "/version/nope").await;
    assert_eq!(answer.code, 404);
    assert!(answer.text.contains("the server could not find the requested resource"));
    let answer = request(&server, Protocol::Http1, Method::PUT, "/version").await;
    assert_eq!(answer.code, 405);
    server.stop().await.expect("stopped in good order");
}

#[tokio::test]
async fn health_is_told_check_by_check() {
    let server = TestServer::start(|_| {}).await;
    server.until_ready().await;
    let answer = get(&server, Protocol::Http1, "/readyz?verbose").await;
    let hooks = ["test", "max-in-flight-filter", "storage-object-count-tracker-hook"];
    let hooks: String = hooks.iter().map(|hook| format!("[+]poststarthook/{hook} ok\n")).collect();
    assert_eq!(answer.text, format!("[+]ping ok\n[+]log ok\n{hooks}[+]shutdown ok\nreadyz check passed\n"));
    assert_eq!(get(&server, Protocol::Http1, "/livez/ping").await.text, "ok");
    assert_eq!(get(&server, Protocol::Http1, "/livez/nope").await.code, 404);
    let answer = get(&server, Protocol::Http1, "/").await;
    assert!(answer.text.contains("/healthz/poststarthook/test") && answer.text.contains("/version"), "{}", answer.text);
    server.stop().await.expect("stopped in good order");
}

#[tokio::test]
async fn a_failing_hook_ends_the_server() {
    let server = TestServer::start(|config| {
        let hook = apiserver::server::hooks::post_start_hook(|_| async { Err("no luck".to_owned()) });
        let entry = apiserver::server::hooks::PostStartHookEntry::new("unlucky", hook);
        config.add_post_start_hook(entry).expect("registered");
    })
    .await;
    let error = server.ended().await.expect_err("the hook failed");
    assert_eq!(error.to_string(), "post-start hooks: PostStartHook \"unlucky\" failed: no luck");
}

#[tokio::test]
async fn the_loopback_client_goes_through_the_chain_as_the_server_itself() {
    let server = TestServer::start(|_| {}).await;
    let response = server.loopback("/readyz").await;
    assert_eq!(response.status(), 200);
    assert_eq!(server.last_user(), "system:apiserver");
    server.stop().await.expect("stopped in good order");
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_so() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start(|_| {}).await;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("connected");
    stream.write_all(b"GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("written");
    let mut answer = String::new();
    let _may_be_reset_after_the_answer = stream.read_to_string(&mut answer).await;
    assert_eq!(answer, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    server.stop().await.expect("stopped");
}
