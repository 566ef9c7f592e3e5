//! `/healthz`, `/livez` and `/readyz`: whether the server works, is alive, wants requests.
//!
//! Each is a list of named checks that grows while the server is put together and closes in
//! PrepareRun. [`registry`] keeps the list, [`handlers`] answers for it.
//!
//! Go: apiserver/pkg/server/healthz/healthz.go

pub mod handlers;
pub mod registry;

use std::sync::Arc;

use phase::BoxFuture;

use crate::request::context::Context;

/// One named check.
///
/// Go: apiserver/pkg/server/healthz/healthz.go HealthChecker
pub trait HealthChecker: Send + Sync {
    /// The name, as in `/healthz/NAME`.
    fn name(&self) -> &str;
    /// A name that excludes several checks at once.
    fn group_name(&self) -> Option<&str> {
        None
    }
    /// Says what is wrong, if anything.
    fn check<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<(), String>>;
}

/// The check that only shows that somebody answers.
///
/// Go: apiserver/pkg/server/healthz/healthz.go PingHealthz
pub struct Ping;

impl HealthChecker for Ping {
    fn name(&self) -> &'static str {
        "ping"
    }

    fn check<'a>(&'a self, _cx: &'a Context) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// The check that logs are being written.
///
/// Simplified: Kubernetes watches that its log is flushed; here a log line is never held back.
///
/// Go: apiserver/pkg/server/healthz/healthz.go LogHealthz
pub struct Log;

impl HealthChecker for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn check<'a>(&'a self, _cx: &'a Context) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// What a [`NamedCheck`] does.
type CheckFunc = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A check made of a name and a closure.
pub struct NamedCheck {
    name: String,
    group_name: Option<String>,
    check: CheckFunc,
}

impl HealthChecker for NamedCheck {
    fn name(&self) -> &str {
        &self.name
    }

    fn group_name(&self) -> Option<&str> {
        self.group_name.as_deref()
    }

    fn check<'a>(&'a self, _cx: &'a Context) -> BoxFuture<'a, Result<(), String>> {
        (self.check)()
    }
}

/// Makes a check of a name and an async closure.
///
/// Go: apiserver/pkg/server/healthz/healthz.go NamedCheck
pub fn named_check<F, Fut>(name: &str, check: F) -> Arc<dyn HealthChecker>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), String>> + Send + 'static,
{
    Arc::new(NamedCheck { name: name.to_owned(), group_name: None, check: Box::new(move || Box::pin(check())) })
}

/// The same, as one of a group that can be excluded together.
///
/// Go: apiserver/pkg/server/healthz/healthz.go NamedGroupedCheck
pub fn named_grouped_check<F, Fut>(name: &str, group_name: &str, check: F) -> Arc<dyn HealthChecker>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), String>> + Send + 'static,
{
    let group_name = Some(group_name.to_owned());
    Arc::new(NamedCheck { name: name.to_owned(), group_name, check: Box::new(move || Box::pin(check())) })
}
