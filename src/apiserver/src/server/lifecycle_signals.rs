//! The moments of a server's life that others wait for, each named once.
//!
//! ```text
//!   start-up   MuxAndDiscoveryComplete, HasBeenReady           (in either order)
//!
//!   shutdown   ShutdownInitiated                               /readyz fails from here on
//!                |-- delay --> AfterShutdownDelayDuration --.
//!                '-- hooks --> PreShutdownHooksStopped -----+--> NotAcceptingNewRequest
//!                                                                   v
//!                                   HTTPServerStoppedListening, InFlightRequestsDrained
//! ```
//!
//! Go: apiserver/pkg/server/lifecycle_signals.go

use tokio_util::sync::CancellationToken;

/// A moment that comes once. Clones are the same moment.
///
/// Go: apiserver/pkg/server/lifecycle_signals.go lifecycleSignal
#[derive(Clone, Debug)]
pub struct LifecycleSignal {
    name: &'static str,
    token: CancellationToken,
}

impl LifecycleSignal {
    /// Returns a moment that is still to come.
    pub fn new(name: &'static str) -> Self {
        Self { name, token: CancellationToken::new() }
    }

    /// Says that the moment is now. A second time says nothing new.
    pub fn signal(&self) {
        self.token.cancel();
    }

    /// Waits for the moment.
    pub async fn signaled(&self) {
        self.token.cancelled().await;
    }

    /// Says whether the moment has come.
    pub fn is_signaled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Returns the name, as in logs.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the moment as a token, for those who take nothing else.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}

/// All moments of a server. The three servers of a chain share one set.
///
/// Go: apiserver/pkg/server/lifecycle_signals.go lifecycleSignals
#[derive(Clone, Debug)]
pub struct LifecycleSignals {
    /// The stop signal arrived: `/readyz` fails, everything else still works.
    pub shutdown_initiated: LifecycleSignal,
    /// `--shutdown-delay-duration` has passed since then: load balancers had time to look elsewhere.
    pub after_shutdown_delay_duration: LifecycleSignal,
    /// The pre-shutdown hooks are through.
    pub pre_shutdown_hooks_stopped: LifecycleSignal,
    /// Both have come: new requests are turned away.
    pub not_accepting_new_request: LifecycleSignal,
    /// Every request that was being served has been answered.
    pub in_flight_requests_drained: LifecycleSignal,
    /// The socket is closed.
    pub http_server_stopped_listening: LifecycleSignal,
    /// `/readyz` answered 200 for the first time.
    pub has_been_ready: LifecycleSignal,
    /// All paths are installed, those of custom resources and APIServices included: an unknown path is now 404, not 503.
    pub mux_and_discovery_complete: LifecycleSignal,
}

impl Default for LifecycleSignals {
    fn default() -> Self {
        Self {
            shutdown_initiated: LifecycleSignal::new("ShutdownInitiated"),
            after_shutdown_delay_duration: LifecycleSignal::new("AfterShutdownDelayDuration"),
            pre_shutdown_hooks_stopped: LifecycleSignal::new("PreShutdownHooksStopped"),
            not_accepting_new_request: LifecycleSignal::new("NotAcceptingNewRequest"),
            in_flight_requests_drained: LifecycleSignal::new("InFlightRequestsDrained"),
            http_server_stopped_listening: LifecycleSignal::new("HTTPServerStoppedListening"),
            has_been_ready: LifecycleSignal::new("HasBeenReady"),
            mux_and_discovery_complete: LifecycleSignal::new("MuxAndDiscoveryComplete"),
        }
    }
}
