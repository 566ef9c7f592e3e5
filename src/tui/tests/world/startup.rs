//! A start-up, stage by stage, with the config as it fills up.

use std::sync::Arc;

use phase::{
    BoxFuture,
    catalog::Phase,
    hook::Interrupted,
    record::TraceKind,
    snapshot::{Snapshot, Subject},
    trace::{Trace, Tracer},
};
use serde_json::{Value, json};

use super::{Pace, begin};

/// The config as it is shown.
pub struct Config(pub Value);

impl Subject for Config {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("Config", self.0.clone())
    }

    fn edit(&mut self, edited: &Value) -> Result<(), String> {
        self.0 = edited.clone();
        Ok(())
    }
}

/// A stage: its phase, a label, how long it takes, what it sets, and the stages inside it.
struct Stage(Phase, &'static str, u64, fn() -> Value, &'static [Stage]);

fn nothing() -> Value {
    json!({})
}

const fn leaf(phase: Phase, micros: u64, sets: fn() -> Value) -> Stage {
    Stage(phase, "", micros, sets, &[])
}

const fn labelled(phase: Phase, label: &'static str, micros: u64) -> Stage {
    Stage(phase, label, micros, nothing, &[])
}

const STAGES: &[Stage] = &[
    leaf(
        Phase::CompleteOptions,
        900,
        || json!({"options": {"serviceClusterIPRange": "10.0.0.0/24", "advertiseAddress": "127.0.0.1", "etcdServers": "embedded"}}),
    ),
    leaf(Phase::ValidateOptions, 200, nothing),
    Stage(Phase::NewConfig, "", 300, nothing, NEW_CONFIG),
    leaf(
        Phase::CompleteConfig,
        400,
        || json!({"generic": {"ExternalAddress": "127.0.0.1:6443", "Authentication": {"LoopbackToken": "(redacted)"}}}),
    ),
    Stage(Phase::CreateServerChain, "", 600, nothing, CHAIN),
    leaf(
        Phase::PrepareRun,
        2_100,
        || json!({"generic": {"Healthz": ["ping", "log", "etcd", "loopback-serving-certificate"]}}),
    ),
    Stage(Phase::Run, "", 100, nothing, RUN),
];

const NEW_CONFIG: &[Stage] = &[
    Stage(Phase::BuildGenericConfig, "", 150, nothing, GENERIC),
    Stage(
        Phase::CreateKubeAPIServerConfig,
        "",
        700,
        || json!({"kubeAPIServer": {"ServiceIPRange": "10.0.0.0/24", "ServiceNodePortRange": "30000-32767", "EndpointReconcilerType": "lease"}}),
        ADMISSION,
    ),
    leaf(
        Phase::CreateAPIExtensionsConfig,
        300,
        || json!({"apiExtensions": {"CRDRESTOptionsGetter": "set", "MasterCount": 1}}),
    ),
    leaf(
        Phase::CreateAggregatorConfig,
        300,
        || json!({"aggregator": {"ServiceResolver": "loopback", "RejectForwardingRedirects": true}}),
    ),
];

const GENERIC: &[Stage] = &[
    Stage(
        Phase::GenericConfigDefaults,
        "",
        120,
        || {
            json!({"generic": {
                "BuildHandlerChainFunc": "DefaultBuildHandlerChain",
                "MaxRequestsInFlight": 400, "MaxMutatingRequestsInFlight": 200,
                "RequestTimeout": "60s", "MinRequestTimeout": 1800,
                "MaxRequestBodyBytes": 3_145_728, "APIServerID": "apiserver-4hkq2p",
            }})
        },
        &[
            leaf(
                Phase::ApplyServerRunOptions,
                90,
                || json!({"generic": {"GoawayChance": 0, "EffectiveVersion": "1.36"}}),
            ),
            leaf(
                Phase::ApplySecureServing,
                3_400,
                || json!({"generic": {"SecureServing": {"Listener": "127.0.0.1:6443", "Cert": "self-signed", "MinTLSVersion": "1.2"}}}),
            ),
            leaf(
                Phase::LoopbackClient,
                800,
                || json!({"generic": {"LoopbackClientConfig": {"Host": "https://127.0.0.1:6443", "BearerToken": "(redacted)"}}}),
            ),
            leaf(
                Phase::ApplyFeatures,
                150,
                || json!({"generic": {"FlowControl": "600 seats", "EnableProfiling": true}}),
            ),
            leaf(Phase::ApplyAPIEnablement, 100, || json!({"generic": {"MergedResourceConfig": "defaults"}})),
            leaf(
                Phase::OpenAPIConfig,
                600,
                || json!({"generic": {"OpenAPIConfig": "Kubernetes", "OpenAPIV3Config": "Kubernetes"}}),
            ),
        ],
    ),
    Stage(
        Phase::ConfigureStorage,
        "",
        200,
        nothing,
        &[
            leaf(Phase::NewStorageFactoryConfig, 100, nothing),
            leaf(Phase::CompleteStorageFactoryConfig, 100, nothing),
            leaf(Phase::NewStorageFactory, 400, || json!({"generic": {"StorageObjectCountTracker": "set"}})),
            leaf(
                Phase::ApplyWithStorageFactoryTo,
                900,
                || json!({"generic": {"RESTOptionsGetter": "StorageFactoryRestOptionsFactory"}}),
            ),
        ],
    ),
    Stage(
        Phase::ConfigureAuthentication,
        "",
        250,
        || json!({"generic": {"Authentication": {"Authenticator": "union", "APIAudiences": ["https://kubernetes.default.svc"]}}}),
        &[
            labelled(Phase::BuildAuthenticator, "x509", 300),
            labelled(Phase::BuildAuthenticator, "serviceaccount", 500),
            labelled(Phase::BuildAuthenticator, "anonymous", 20),
        ],
    ),
    Stage(
        Phase::ConfigureAuthorization,
        "",
        180,
        || json!({"generic": {"Authorization": {"Authorizer": "union(Node, RBAC)"}, "RuleResolver": "union"}}),
        &[labelled(Phase::BuildAuthorizer, "Node", 200), labelled(Phase::BuildAuthorizer, "RBAC", 150)],
    ),
    leaf(Phase::ConfigureAudit, 60, nothing),
];

const ADMISSION: &[Stage] = &[Stage(
    Phase::ConfigureAdmission,
    "",
    300,
    || json!({"generic": {"AdmissionControl": "27 plugins"}}),
    &[
        leaf(Phase::RegisterAllAdmissionPlugins, 100, nothing),
        labelled(Phase::BuildAdmissionPlugin, "NamespaceLifecycle", 40),
        labelled(Phase::BuildAdmissionPlugin, "ServiceAccount", 50),
        labelled(Phase::BuildAdmissionPlugin, "ResourceQuota", 60),
    ],
)];

const CHAIN: &[Stage] = &[
    leaf(Phase::NotFoundHandler, 10, || json!({"chain": {"notFound": "empty delegate"}})),
    Stage(
        Phase::CreateAPIExtensionsServer,
        "",
        900,
        || json!({"chain": {"apiextensions-apiserver": {"delegationTarget": "empty delegate"}}}),
        &[
            labelled(Phase::NewGenericServer, "apiextensions-apiserver", 500),
            labelled(Phase::InstallAPIGroup, "apiextensions.k8s.io", 200),
        ],
    ),
    Stage(
        Phase::CreateKubeAPIServer,
        "",
        1_500,
        || json!({"chain": {"kube-apiserver": {"delegationTarget": "apiextensions-apiserver"}}}),
        &[
            labelled(Phase::NewGenericServer, "kube-apiserver", 600),
            labelled(Phase::InstallAPIGroup, "", 2_100),
            labelled(Phase::InstallAPIGroup, "apps", 900),
            labelled(Phase::InstallAPIGroup, "rbac.authorization.k8s.io", 700),
        ],
    ),
    Stage(
        Phase::CreateAggregatorServer,
        "",
        800,
        || json!({"chain": {"kube-aggregator": {"delegationTarget": "kube-apiserver"}}}),
        &[labelled(Phase::NewGenericServer, "kube-aggregator", 500)],
    ),
];

const RUN: &[Stage] = &[
    Stage(
        Phase::NonBlockingRun,
        "",
        100,
        nothing,
        &[
            Stage(Phase::Serve, "", 300, nothing, &[leaf(Phase::RunServer, 50, nothing)]),
            Stage(
                Phase::RunPostStartHooks,
                "",
                80,
                nothing,
                &[
                    labelled(Phase::PostStartHook, "generic-apiserver-start-informers", 900),
                    labelled(Phase::PostStartHook, "rbac/bootstrap-roles", 9_000),
                    labelled(Phase::PostStartHook, "start-system-namespaces-controller", 2_000),
                ],
            ),
        ],
    ),
    leaf(Phase::Ready, 4_000, nothing),
];

/// Runs the start-up.
pub fn start(tracer: &Tracer, pace: &Arc<dyn Pace>) -> BoxFuture<'static, ()> {
    let trace = begin(tracer, TraceKind::Startup, "kubestep walk");
    let pace = pace.clone();
    Box::pin(async move {
        let mut config = Config(json!({}));
        let Ok(root) = trace.enter(Phase::Startup, &mut config).await else { return };
        for stage in STAGES {
            if run(&trace, pace.as_ref(), stage, &mut config).await.is_err() {
                return;
            }
        }
        root.exit(&config);
    })
}

fn run<'a>(
    trace: &'a Trace,
    pace: &'a dyn Pace,
    Stage(phase, label, micros, sets, inner): &'a Stage,
    config: &'a mut Config,
) -> BoxFuture<'a, Result<(), Interrupted>> {
    Box::pin(async move {
        let guard = if label.is_empty() {
            trace.enter(*phase, config).await?
        } else {
            trace.enter_labelled(*phase, *label, config).await?
        };
        pace.work(*micros).await;
        // A constructor sets its defaults first and is then refined; everything else is set once all is there.
        if *phase == Phase::GenericConfigDefaults {
            merge(&mut config.0, sets());
        }
        for stage in *inner {
            run(trace, pace, stage, config).await?;
        }
        merge(&mut config.0, sets());
        guard.exit(config);
        Ok(())
    })
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
