//! Every phase: its name, the phase around it, its level of detail and its Go counterpart.
//!
//! Names are those that kube-apiserver itself uses for spans, filters and hooks wherever it has
//! one, so that a trace from here can be laid beside a real server's. Paths of Go files are those
//! of 1.36, without `staging/src/k8s.io/`. Questions and explanations are data, not code
//! (`assets/phases/{en,zh}`): a changed word rebuilds nothing.
//!
//! This file is a catalogue: one entry per phase, in the order in which they are met.

use serde::{Deserialize, Serialize};

/// How close one has to look to see a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// The phases of a lesson: about seven a request.
    Teaching,
    /// Each filter and each step of a handler: about 24 a request.
    Filter,
    /// Each authorizer, plugin, transaction.
    Call,
}

/// What is known of a phase.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The phase.
    pub phase: Phase,
    /// Its name, as shown and as written in breakpoints.
    pub name: &'static str,
    /// The phase that encloses it; `None` where several do.
    pub parent: Option<Phase>,
    /// From which level of detail on it is shown.
    pub level: Level,
    /// File and symbol of the Go counterpart in 1.36.
    pub go: &'static str,
    /// Section of the classic walk-through of a start; empty where it has none.
    pub classic: &'static str,
}

/// A named, observed stretch of work in start-up or in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "CATALOG says what each is")]
pub enum Phase {
    Startup,
    CompleteOptions,
    ValidateOptions,
    NewConfig,
    BuildGenericConfig,
    GenericConfigDefaults,
    ApplyServerRunOptions,
    ApplySecureServing,
    LoopbackClient,
    ApplyFeatures,
    ApplyAPIEnablement,
    OpenAPIConfig,
    ConfigureStorage,
    NewStorageFactoryConfig,
    CompleteStorageFactoryConfig,
    NewStorageFactory,
    ApplyWithStorageFactoryTo,
    ConfigureAuthentication,
    BuildAuthenticator,
    ConfigureAuthorization,
    BuildAuthorizer,
    ConfigureAudit,
    CreateKubeAPIServerConfig,
    ConfigureAdmission,
    RegisterAllAdmissionPlugins,
    BuildAdmissionPlugin,
    CreateAPIExtensionsConfig,
    CreateAggregatorConfig,
    CompleteConfig,
    CreateServerChain,
    NotFoundHandler,
    CreateAPIExtensionsServer,
    CreateKubeAPIServer,
    CreateAggregatorServer,
    NewGenericServer,
    InstallAPIGroup,
    PrepareRun,
    Run,
    NonBlockingRun,
    Serve,
    RunServer,
    RunPostStartHooks,
    PostStartHook,
    Ready,
    Shutdown,
    LifecycleSignal,
    PreShutdownHook,
    Request,
    AuditInit,
    PanicRecovery,
    MuxAndDiscoveryComplete,
    RequestReceivedTimestamp,
    RequestInfo,
    LatencyTrackers,
    HTTPLogging,
    RetryAfter,
    HSTS,
    CacheControl,
    ProbabilisticGoaway,
    WatchTermination,
    WaitGroup,
    RequestDeadline,
    Timeout,
    WarningRecorder,
    CORS,
    Authentication,
    Authenticator,
    Tracing,
    Audit,
    Impersonation,
    PriorityAndFairness,
    Authorization,
    Authorizer,
    Route,
    Proxy,
    Create,
    Get,
    List,
    Watch,
    Update,
    Patch,
    Delete,
    DeleteCollection,
    Connect,
    Negotiate,
    ReadBody,
    DecodeBody,
    Default,
    Convert,
    ApplyPatch,
    FieldManagement,
    MutatingAdmission,
    MutatingPlugin,
    MutatingWebhook,
    PrepareForWrite,
    Validate,
    ValidatingAdmission,
    ValidatingPlugin,
    ValidatingWebhook,
    StorageCreate,
    StorageUpdate,
    StorageList,
    CacherGet,
    CacherGetList,
    CacherWatch,
    KVRange,
    KVTxn,
    KVLeaseGrant,
    SerializeObject,
    WatchServer,
}

impl Phase {
    /// Returns the catalogue's entry.
    pub fn info(self) -> &'static Info {
        &CATALOG[self as usize]
    }

    /// Returns the name, as shown and as written in breakpoints.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Finds phases by their variant or their name, letter case and punctuation aside: several phases share a name.
    pub fn find(name: &str) -> Vec<Phase> {
        let key = fold(name);
        CATALOG
            .iter()
            .filter(|info| fold(info.name) == key || fold(&format!("{:?}", info.phase)) == key)
            .map(|info| info.phase)
            .collect()
    }
}

/// Letters and digits of a name in lower case.
fn fold(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

const fn entry(
    phase: Phase,
    name: &'static str,
    parent: Option<Phase>,
    level: Level,
    go: &'static str,
    classic: &'static str,
) -> Info {
    Info { phase, name, parent, level, go, classic }
}

use Level::{Call, Filter, Teaching};

/// All phases, in the order of [`Phase`].
#[rustfmt::skip]
pub const CATALOG: &[Info] = &[
    entry(Phase::Startup, "startup", None, Teaching, "cmd/kube-apiserver/app/server.go Run", ""),
    entry(Phase::CompleteOptions, "complete options", Some(Phase::Startup), Filter, "cmd/kube-apiserver/app/options/completion.go Complete", "生成配置"),
    entry(Phase::ValidateOptions, "validate options", Some(Phase::Startup), Filter, "pkg/controlplane/apiserver/options/validation.go Validate", "生成配置"),
    entry(Phase::NewConfig, "new config", Some(Phase::Startup), Teaching, "cmd/kube-apiserver/app/config.go NewConfig", "生成配置"),
    entry(Phase::BuildGenericConfig, "build generic config", Some(Phase::NewConfig), Teaching, "pkg/controlplane/apiserver/config.go BuildGenericConfig", "通用配置"),
    entry(Phase::GenericConfigDefaults, "generic config", Some(Phase::BuildGenericConfig), Teaching, "apiserver/pkg/server/config.go NewConfig", "通用配置 1"),
    entry(Phase::ApplyServerRunOptions, "server run options", Some(Phase::GenericConfigDefaults), Filter, "apiserver/pkg/server/options/server_run_options.go ApplyTo", "通用配置 1"),
    entry(Phase::ApplySecureServing, "secure serving", Some(Phase::GenericConfigDefaults), Filter, "apiserver/pkg/server/options/serving_with_loopback.go ApplyTo", "通用配置 1"),
    entry(Phase::LoopbackClient, "loopback client and informers", Some(Phase::GenericConfigDefaults), Filter, "pkg/controlplane/apiserver/config.go BuildGenericConfig", "通用配置 1"),
    entry(Phase::ApplyFeatures, "features", Some(Phase::GenericConfigDefaults), Filter, "apiserver/pkg/server/options/feature.go ApplyTo", "通用配置 1"),
    entry(Phase::ApplyAPIEnablement, "api enablement", Some(Phase::GenericConfigDefaults), Filter, "apiserver/pkg/server/options/api_enablement.go ApplyTo", "通用配置 1"),
    entry(Phase::OpenAPIConfig, "openapi", Some(Phase::GenericConfigDefaults), Filter, "apiserver/pkg/server/config.go DefaultOpenAPIConfig", "通用配置 1"),
    entry(Phase::ConfigureStorage, "storage (etcd)", Some(Phase::BuildGenericConfig), Teaching, "pkg/controlplane/apiserver/config.go BuildGenericConfig", "通用配置 2"),
    entry(Phase::NewStorageFactoryConfig, "storage factory config", Some(Phase::ConfigureStorage), Filter, "pkg/kubeapiserver/default_storage_factory_builder.go NewStorageFactoryConfig", "通用配置 2"),
    entry(Phase::CompleteStorageFactoryConfig, "complete storage factory config", Some(Phase::ConfigureStorage), Filter, "pkg/kubeapiserver/default_storage_factory_builder.go Complete", "通用配置 2"),
    entry(Phase::NewStorageFactory, "storage factory", Some(Phase::ConfigureStorage), Filter, "pkg/kubeapiserver/default_storage_factory_builder.go New", "通用配置 2"),
    entry(Phase::ApplyWithStorageFactoryTo, "rest options getter", Some(Phase::ConfigureStorage), Filter, "apiserver/pkg/server/options/etcd.go ApplyWithStorageFactoryTo", "通用配置 2"),
    entry(Phase::ConfigureAuthentication, "authentication", Some(Phase::BuildGenericConfig), Teaching, "pkg/kubeapiserver/options/authentication.go ApplyTo", "通用配置 3"),
    entry(Phase::BuildAuthenticator, "authenticator", Some(Phase::ConfigureAuthentication), Call, "pkg/kubeapiserver/authenticator/config.go New", "通用配置 3"),
    entry(Phase::ConfigureAuthorization, "authorization", Some(Phase::BuildGenericConfig), Teaching, "pkg/controlplane/apiserver/config.go BuildAuthorizer", "通用配置 4"),
    entry(Phase::BuildAuthorizer, "authorizer", Some(Phase::ConfigureAuthorization), Call, "pkg/kubeapiserver/authorizer/config.go New", "通用配置 4"),
    entry(Phase::ConfigureAudit, "audit", Some(Phase::BuildGenericConfig), Filter, "apiserver/pkg/server/options/audit.go ApplyTo", "通用配置"),
    entry(Phase::CreateKubeAPIServerConfig, "kube-apiserver config", Some(Phase::NewConfig), Teaching, "cmd/kube-apiserver/app/server.go CreateKubeAPIServerConfig", "最终配置"),
    entry(Phase::ConfigureAdmission, "admission", Some(Phase::CreateKubeAPIServerConfig), Teaching, "apiserver/pkg/server/options/admission.go ApplyTo", "通用配置 5"),
    entry(Phase::RegisterAllAdmissionPlugins, "register admission plugins", Some(Phase::ConfigureAdmission), Filter, "pkg/kubeapiserver/options/plugins.go RegisterAllAdmissionPlugins", "通用配置 5"),
    entry(Phase::BuildAdmissionPlugin, "admission plugin", Some(Phase::ConfigureAdmission), Call, "apiserver/pkg/admission/plugins.go NewFromPlugins", "通用配置 5"),
    entry(Phase::CreateAPIExtensionsConfig, "apiextensions config", Some(Phase::NewConfig), Teaching, "pkg/controlplane/apiserver/apiextensions.go CreateAPIExtensionsConfig", "最终配置"),
    entry(Phase::CreateAggregatorConfig, "aggregator config", Some(Phase::NewConfig), Teaching, "pkg/controlplane/apiserver/aggregator.go CreateAggregatorConfig", "最终配置"),
    entry(Phase::CompleteConfig, "complete config", Some(Phase::Startup), Teaching, "cmd/kube-apiserver/app/config.go Complete", "最终配置"),
    entry(Phase::CreateServerChain, "create server chain", Some(Phase::Startup), Teaching, "cmd/kube-apiserver/app/server.go CreateServerChain", "生成 Server"),
    entry(Phase::NotFoundHandler, "not-found handler", Some(Phase::CreateServerChain), Filter, "apiserver/pkg/util/notfoundhandler/not_found_handler.go New", "extension server"),
    entry(Phase::CreateAPIExtensionsServer, "apiextensions-apiserver", Some(Phase::CreateServerChain), Teaching, "apiextensions-apiserver/pkg/apiserver/apiserver.go New", "extension server"),
    entry(Phase::CreateKubeAPIServer, "kube-apiserver", Some(Phase::CreateServerChain), Teaching, "pkg/controlplane/instance.go New", "api server"),
    entry(Phase::CreateAggregatorServer, "kube-aggregator", Some(Phase::CreateServerChain), Teaching, "pkg/controlplane/apiserver/aggregator.go CreateAggregatorServer", "aggregate server"),
    entry(Phase::NewGenericServer, "generic server", None, Filter, "apiserver/pkg/server/config.go New", "小结"),
    entry(Phase::InstallAPIGroup, "install API group", None, Call, "apiserver/pkg/server/genericapiserver.go InstallAPIGroups", "小结"),
    entry(Phase::PrepareRun, "prepare run", Some(Phase::Startup), Teaching, "apiserver/pkg/server/genericapiserver.go PrepareRun", "启动 Server"),
    entry(Phase::Run, "run", Some(Phase::Startup), Teaching, "kube-aggregator/pkg/apiserver/apiserver.go Run", "启动 Server"),
    entry(Phase::NonBlockingRun, "non-blocking run", Some(Phase::Run), Filter, "apiserver/pkg/server/genericapiserver.go NonBlockingRunWithContext", "启动 Server"),
    entry(Phase::Serve, "serve", Some(Phase::NonBlockingRun), Filter, "apiserver/pkg/server/secure_serving.go Serve", "启动 Server"),
    entry(Phase::RunServer, "run server", Some(Phase::Serve), Filter, "apiserver/pkg/server/secure_serving.go RunServer", "启动 Server"),
    entry(Phase::RunPostStartHooks, "post-start hooks", Some(Phase::NonBlockingRun), Filter, "apiserver/pkg/server/hooks.go RunPostStartHooks", "启动 Server"),
    entry(Phase::PostStartHook, "post-start hook", Some(Phase::RunPostStartHooks), Call, "apiserver/pkg/server/hooks.go runPostStartHook", "启动 Server"),
    entry(Phase::Ready, "ready", Some(Phase::Run), Teaching, "apiserver/pkg/server/healthz.go installReadyz", "启动 Server"),
    entry(Phase::Shutdown, "shutdown", None, Teaching, "apiserver/pkg/server/genericapiserver.go RunWithContext", ""),
    entry(Phase::LifecycleSignal, "lifecycle signal", Some(Phase::Shutdown), Filter, "apiserver/pkg/server/lifecycle_signals.go Signal", ""),
    entry(Phase::PreShutdownHook, "pre-shutdown hook", Some(Phase::Shutdown), Call, "apiserver/pkg/server/hooks.go RunPreShutdownHooks", ""),
    entry(Phase::Request, "request", None, Teaching, "apiserver/pkg/server/handler.go ServeHTTP", ""),
    entry(Phase::AuditInit, "audit init", Some(Phase::Request), Filter, "apiserver/pkg/endpoints/filters/audit_init.go WithAuditInit", ""),
    entry(Phase::PanicRecovery, "panic recovery", Some(Phase::AuditInit), Filter, "apiserver/pkg/server/filters/wrap.go WithPanicRecovery", ""),
    entry(Phase::MuxAndDiscoveryComplete, "mux and discovery complete", Some(Phase::PanicRecovery), Filter, "apiserver/pkg/endpoints/filters/mux_discovery_complete.go WithMuxAndDiscoveryComplete", ""),
    entry(Phase::RequestReceivedTimestamp, "request received timestamp", Some(Phase::MuxAndDiscoveryComplete), Filter, "apiserver/pkg/endpoints/filters/request_received_time.go WithRequestReceivedTimestamp", ""),
    entry(Phase::RequestInfo, "request info", Some(Phase::RequestReceivedTimestamp), Filter, "apiserver/pkg/endpoints/filters/requestinfo.go WithRequestInfo", ""),
    entry(Phase::LatencyTrackers, "latency trackers", Some(Phase::RequestInfo), Filter, "apiserver/pkg/endpoints/filters/webhook_duration.go WithLatencyTrackers", ""),
    entry(Phase::HTTPLogging, "http logging", Some(Phase::LatencyTrackers), Filter, "apiserver/pkg/server/filters/wrap.go WithHTTPLogging", ""),
    entry(Phase::RetryAfter, "retry after", Some(Phase::HTTPLogging), Filter, "apiserver/pkg/server/filters/with_retry_after.go WithRetryAfter", ""),
    entry(Phase::HSTS, "hsts", Some(Phase::RetryAfter), Filter, "apiserver/pkg/server/filters/hsts.go WithHSTS", ""),
    entry(Phase::CacheControl, "cache control", Some(Phase::HSTS), Filter, "apiserver/pkg/endpoints/filters/cachecontrol.go WithCacheControl", ""),
    entry(Phase::ProbabilisticGoaway, "probabilistic goaway", Some(Phase::CacheControl), Filter, "apiserver/pkg/server/filters/goaway.go WithProbabilisticGoaway", ""),
    entry(Phase::WatchTermination, "watch termination", Some(Phase::ProbabilisticGoaway), Filter, "apiserver/pkg/server/filters/watch_termination.go WithWatchTerminationDuringShutdown", ""),
    entry(Phase::WaitGroup, "wait group", Some(Phase::WatchTermination), Filter, "apiserver/pkg/server/filters/waitgroup.go WithWaitGroup", ""),
    entry(Phase::RequestDeadline, "request deadline", Some(Phase::WaitGroup), Filter, "apiserver/pkg/endpoints/filters/request_deadline.go WithRequestDeadline", ""),
    entry(Phase::Timeout, "timeout", Some(Phase::RequestDeadline), Filter, "apiserver/pkg/server/filters/timeout.go WithTimeoutForNonLongRunningRequests", ""),
    entry(Phase::WarningRecorder, "warning recorder", Some(Phase::Timeout), Filter, "apiserver/pkg/endpoints/filters/warning.go WithWarningRecorder", ""),
    entry(Phase::CORS, "cors", Some(Phase::WarningRecorder), Filter, "apiserver/pkg/server/filters/cors.go WithCORS", ""),
    entry(Phase::Authentication, "authentication", Some(Phase::CORS), Teaching, "apiserver/pkg/endpoints/filters/authentication.go WithAuthentication", ""),
    entry(Phase::Authenticator, "authenticator", Some(Phase::Authentication), Call, "apiserver/pkg/authentication/request/union/union.go AuthenticateRequest", ""),
    entry(Phase::Tracing, "tracing", Some(Phase::Authentication), Filter, "apiserver/pkg/endpoints/filters/traces.go WithTracing", ""),
    entry(Phase::Audit, "audit", Some(Phase::Tracing), Filter, "apiserver/pkg/endpoints/filters/audit.go WithAudit", ""),
    entry(Phase::Impersonation, "constrainedimpersonation", Some(Phase::Audit), Filter, "apiserver/pkg/endpoints/filters/impersonation/constrained_impersonation.go WithConstrainedImpersonation", ""),
    entry(Phase::PriorityAndFairness, "priorityandfairness", Some(Phase::Impersonation), Filter, "apiserver/pkg/server/filters/priority-and-fairness.go WithPriorityAndFairness", ""),
    entry(Phase::Authorization, "authorization", Some(Phase::PriorityAndFairness), Teaching, "apiserver/pkg/endpoints/filters/authorization.go WithAuthorization", ""),
    entry(Phase::Authorizer, "authorizer", Some(Phase::Authorization), Call, "apiserver/pkg/authorization/union/union.go Authorize", ""),
    entry(Phase::Route, "route", Some(Phase::Authorization), Teaching, "apiserver/pkg/server/handler.go director.ServeHTTP", ""),
    entry(Phase::Proxy, "proxy", Some(Phase::Route), Teaching, "kube-aggregator/pkg/apiserver/handler_proxy.go ServeHTTP", ""),
    entry(Phase::Create, "Create", Some(Phase::Route), Teaching, "apiserver/pkg/endpoints/handlers/create.go createHandler", ""),
    entry(Phase::Get, "Get", Some(Phase::Route), Teaching, "apiserver/pkg/endpoints/handlers/get.go getResourceHandler", ""),
    entry(Phase::List, "List", Some(Phase::Route), Teaching, "apiserver/pkg/endpoints/handlers/get.go ListResource", ""),
    entry(Phase::Watch, "Watch", Some(Phase::Route), Teaching, "apiserver/pkg/endpoints/handlers/watch.go serveWatchHandler", ""),
    entry(Phase::Update, "Update", Some(Phase::Route), Teaching, "apiserver/pkg/endpoints/handlers/update.go UpdateResource", ""),
    entry(Phase::Patch, "Patch", Some(Phase::Route), Teaching, "apiserver/pkg/endpoints/handlers/patch.go PatchResource", ""),
    entry(Phase::Delete, "Delete", Some(Phase::Route), Teaching, "apiserver/pkg/endpoints/handlers/delete.go DeleteResource", ""),
    entry(Phase::DeleteCollection, "DeleteCollection", Some(Phase::Route), Teaching, "apiserver/pkg/endpoints/handlers/delete.go DeleteCollection", ""),
    entry(Phase::Connect, "Connect", Some(Phase::Route), Teaching, "apiserver/pkg/endpoints/handlers/rest.go ConnectResource", ""),
    entry(Phase::Negotiate, "negotiate", None, Call, "apiserver/pkg/endpoints/handlers/negotiation/negotiate.go NegotiateOutputMediaType", ""),
    entry(Phase::ReadBody, "read body", None, Call, "apiserver/pkg/endpoints/handlers/rest.go limitedReadBodyWithRecordMetric", ""),
    entry(Phase::DecodeBody, "decode", None, Filter, "apiserver/pkg/runtime/serializer/codec_factory.go DecoderToVersion", ""),
    entry(Phase::Default, "default", None, Filter, "apimachinery/pkg/runtime/scheme.go Default", ""),
    entry(Phase::Convert, "convert", None, Call, "apimachinery/pkg/runtime/scheme.go Convert", ""),
    entry(Phase::ApplyPatch, "apply patch", None, Filter, "apiserver/pkg/endpoints/handlers/patch.go applyPatchToObject", ""),
    entry(Phase::FieldManagement, "field management", None, Filter, "apimachinery/pkg/util/managedfields/fieldmanager.go Update", ""),
    entry(Phase::MutatingAdmission, "admission: mutating", None, Teaching, "apiserver/pkg/admission/chain.go Admit", ""),
    entry(Phase::MutatingPlugin, "mutating plugin", Some(Phase::MutatingAdmission), Call, "apiserver/pkg/admission/chain.go Admit", ""),
    entry(Phase::MutatingWebhook, "Call mutating webhook", Some(Phase::MutatingPlugin), Call, "apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go callAttrMutatingHook", ""),
    entry(Phase::PrepareForWrite, "prepare", None, Filter, "apiserver/pkg/registry/rest/create.go BeforeCreate", ""),
    entry(Phase::Validate, "validate", None, Filter, "apiserver/pkg/registry/rest/create.go BeforeCreate", ""),
    entry(Phase::ValidatingAdmission, "admission: validating", None, Teaching, "apiserver/pkg/admission/chain.go Validate", ""),
    entry(Phase::ValidatingPlugin, "validating plugin", Some(Phase::ValidatingAdmission), Call, "apiserver/pkg/admission/chain.go Validate", ""),
    entry(Phase::ValidatingWebhook, "Call validating webhook", Some(Phase::ValidatingPlugin), Call, "apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go callHook", ""),
    entry(Phase::StorageCreate, "Create etcd3", None, Teaching, "apiserver/pkg/storage/etcd3/store.go Create", ""),
    entry(Phase::StorageUpdate, "GuaranteedUpdate etcd3", None, Teaching, "apiserver/pkg/storage/etcd3/store.go GuaranteedUpdate", ""),
    entry(Phase::StorageList, "List etcd3", None, Teaching, "apiserver/pkg/storage/etcd3/store.go GetList", ""),
    entry(Phase::CacherGet, "cacher.Get", None, Filter, "apiserver/pkg/storage/cacher/cacher.go Get", ""),
    entry(Phase::CacherGetList, "cacher.GetList", None, Filter, "apiserver/pkg/storage/cacher/cacher.go GetList", ""),
    entry(Phase::CacherWatch, "cacher.Watch", None, Filter, "apiserver/pkg/storage/cacher/cacher.go Watch", ""),
    entry(Phase::KVRange, "etcdserverpb.KV/Range", None, Call, "etcd/client/v3/kv.go Get", ""),
    entry(Phase::KVTxn, "etcdserverpb.KV/Txn", None, Call, "etcd/client/v3/kv.go Txn", ""),
    entry(Phase::KVLeaseGrant, "etcdserverpb.Lease/LeaseGrant", None, Call, "etcd/client/v3/lease.go Grant", ""),
    entry(Phase::SerializeObject, "SerializeObject", None, Filter, "apiserver/pkg/endpoints/handlers/responsewriters/writers.go SerializeObject", ""),
    entry(Phase::WatchServer, "WatchServer.HandleHTTP", None, Filter, "apiserver/pkg/endpoints/handlers/watch.go HandleHTTP", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_stands_in_the_order_of_the_enum() {
        for (index, info) in CATALOG.iter().enumerate() {
            assert_eq!(info.phase as usize, index, "{}", info.name);
            assert!(
                info.parent.is_none_or(|parent| (parent as usize) < index),
                "{} comes before its parent",
                info.name
            );
        }
    }

    #[test]
    fn names_are_found_in_any_spelling() {
        assert_eq!(Phase::find("Priority-And-Fairness"), [Phase::PriorityAndFairness]);
        assert_eq!(Phase::find("authorization").len(), 2);
    }
}
