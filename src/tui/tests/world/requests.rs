//! Requests: who asks for what, and what the server tells while it answers.

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

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    pub user: &'static str,
    pub groups: &'static str,
    pub agent: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub verb: &'static str,
    pub resource: &'static str,
    pub namespace: &'static str,
    pub name: &'static str,
    pub code: u16,
    pub system: bool,
    pub server: &'static str,
}

pub const ALICE_CREATES_A_POD: Script = Script {
    user: "alice",
    groups: "dev,system:authenticated",
    agent: "kubectl/v1.36.2 (linux/amd64)",
    method: "POST",
    path: "/api/v1/namespaces/shop/pods",
    verb: "create",
    resource: "pods",
    namespace: "shop",
    name: "",
    code: 201,
    system: false,
    server: "kube-apiserver",
};

pub const BOB_LISTS_DEPLOYMENTS: Script = Script {
    user: "bob",
    groups: "ops,system:authenticated",
    method: "GET",
    path: "/apis/apps/v1/deployments?limit=500",
    verb: "list",
    resource: "deployments",
    namespace: "",
    code: 200,
    ..ALICE_CREATES_A_POD
};

pub const BOB_IS_REFUSED: Script =
    Script { user: "bob", groups: "ops,system:authenticated", code: 403, ..ALICE_CREATES_A_POD };

pub const KUBELET_RENEWS: Script = Script {
    user: "system:node:worker-1",
    groups: "system:nodes,system:authenticated",
    agent: "kubelet/v1.36.2",
    method: "PUT",
    path: "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/worker-1",
    verb: "update",
    resource: "leases",
    namespace: "kube-node-lease",
    name: "worker-1",
    code: 200,
    system: true,
    server: "kube-apiserver",
};

pub const CUSTOM_RESOURCE: Script = Script {
    path: "/apis/stable.example.com/v1/namespaces/shop/crontabs/daily",
    method: "GET",
    verb: "get",
    resource: "crontabs",
    name: "daily",
    code: 200,
    server: "apiextensions-apiserver",
    ..ALICE_CREATES_A_POD
};

pub const UNKNOWN_PATH: Script = Script {
    path: "/nowhere",
    method: "GET",
    verb: "get",
    resource: "",
    namespace: "",
    code: 404,
    server: "not-found",
    ..ALICE_CREATES_A_POD
};

pub const ALL: &[Script] =
    &[ALICE_CREATES_A_POD, BOB_LISTS_DEPLOYMENTS, BOB_IS_REFUSED, KUBELET_RENEWS, CUSTOM_RESOURCE, UNKNOWN_PATH];

/// What the filters work on.
struct Context(Value);

impl Subject for Context {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("RequestContext", self.0.clone())
    }
}

/// The object of a request.
struct Object(Value);

impl Subject for Object {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("Pod", self.0.clone())
    }

    fn edit(&mut self, edited: &Value) -> Result<(), String> {
        self.0 = edited.clone();
        Ok(())
    }
}

struct Response(Value);

impl Subject for Response {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("response", self.0.clone())
    }
}

/// Sends a request.
pub fn send(tracer: &Tracer, pace: &Arc<dyn Pace>, script: Script) -> BoxFuture<'static, ()> {
    let kind = if script.system { TraceKind::System } else { TraceKind::Request };
    let trace = begin(tracer, kind, &format!("{} {}", script.method, script.path));
    let pace = pace.clone();
    Box::pin(async move {
        let mut context = Context(json!({
            "method": script.method,
            "path": script.path,
            "headers": {"User-Agent": script.agent, "Accept": "application/json", "Authorization": "(redacted)"},
            "user": "system:anonymous",
        }));
        let Ok(root) = trace.enter(Phase::Request, &mut context).await else { return };
        trace.describe(|| {
            vec![
                ("method".into(), script.method.into()),
                ("path".into(), script.path.into()),
                ("userAgent".into(), script.agent.into()),
            ]
        });
        let ended = filters(&trace, pace.as_ref(), &script, &mut context, FILTERS).await;
        match ended {
            Ok(()) => root.exit(&context),
            Err(Interrupted::Fail { code, message }) => {
                trace.describe(|| vec![("code".into(), code.to_string())]);
                root.fail(&message);
            }
            Err(Interrupted::Kill) => drop(root),
        }
    })
}

const FILTERS: &[(Phase, u64)] = &[
    (Phase::AuditInit, 2),
    (Phase::PanicRecovery, 1),
    (Phase::MuxAndDiscoveryComplete, 1),
    (Phase::RequestReceivedTimestamp, 1),
    (Phase::RequestInfo, 6),
    (Phase::LatencyTrackers, 1),
    (Phase::HTTPLogging, 1),
    (Phase::RetryAfter, 1),
    (Phase::HSTS, 1),
    (Phase::CacheControl, 1),
    (Phase::ProbabilisticGoaway, 1),
    (Phase::WatchTermination, 1),
    (Phase::WaitGroup, 1),
    (Phase::RequestDeadline, 2),
    (Phase::Timeout, 4),
    (Phase::WarningRecorder, 1),
    (Phase::CORS, 1),
    (Phase::Authentication, 38),
    (Phase::Tracing, 2),
    (Phase::Audit, 5),
    (Phase::Impersonation, 2),
    (Phase::PriorityAndFairness, 9),
    (Phase::Authorization, 14),
];

fn filters<'a>(
    trace: &'a Trace,
    pace: &'a dyn Pace,
    script: &'a Script,
    context: &'a mut Context,
    rest: &'a [(Phase, u64)],
) -> BoxFuture<'a, Result<(), Interrupted>> {
    Box::pin(async move {
        let Some(((phase, micros), inner)) = rest.split_first() else {
            return route(
                trace,
                pace,
                script,
                context,
                &["kube-aggregator", "kube-apiserver", "apiextensions-apiserver", "not-found"],
            )
            .await;
        };
        let guard = trace.enter(*phase, context).await?;
        pace.work(*micros).await;
        if let Err(refused) = own_work(trace, pace, script, context, *phase).await {
            guard.fail(&refused);
            return Err(refused);
        }
        let result = filters(trace, pace, script, context, inner).await;
        match &result {
            Ok(()) => guard.exit(context),
            Err(_) => guard.done(),
        }
        result
    })
}

async fn own_work(
    trace: &Trace,
    pace: &dyn Pace,
    script: &Script,
    context: &mut Context,
    phase: Phase,
) -> Result<(), Interrupted> {
    match phase {
        Phase::AuditInit => context.0["auditID"] = json!("6c1f2b7e-8d6a-4a52-9f5d-3f0f2a7b9c11"),
        Phase::RequestInfo => {
            context.0["requestInfo"] = json!({
                "isResourceRequest": !script.resource.is_empty(), "verb": script.verb,
                "resource": script.resource, "namespace": script.namespace, "name": script.name,
            });
            trace.describe(|| {
                vec![
                    ("verb".into(), script.verb.into()),
                    ("resource".into(), script.resource.into()),
                    ("namespace".into(), script.namespace.into()),
                    ("name".into(), script.name.into()),
                ]
            });
        }
        Phase::Authentication => {
            for (label, micros) in [("loopback token", 2), ("x509", 24)] {
                let guard = trace.enter_labelled(Phase::Authenticator, label, context).await?;
                pace.work(micros).await;
                guard.done();
            }
            let groups: Vec<&str> = script.groups.split(',').collect();
            context.0["user"] = json!(script.user);
            context.0["groups"] = json!(groups);
            context.0["authenticatedBy"] = json!("x509 client certificate");
            if let Some(headers) = context.0["headers"].as_object_mut() {
                headers.remove("Authorization");
            }
            trace.describe(|| vec![("user".into(), script.user.into()), ("groups".into(), script.groups.into())]);
        }
        Phase::PriorityAndFairness => {
            context.0["flow"] = json!({"schema": "global-default", "level": "global-default", "seats": 1});
        }
        Phase::Authorization => {
            let node = trace.enter_labelled(Phase::Authorizer, "Node", context).await?;
            pace.work(3).await;
            node.done();
            let rbac = trace.enter_labelled(Phase::Authorizer, "RBAC", context).await?;
            pace.work(17).await;
            rbac.done();
            if script.code == 403 {
                context.0["decision"] = json!({"verdict": "NoOpinion", "reason": ""});
                let message = format!(
                    "{} is forbidden: User \"{}\" cannot {} resource \"{}\" in API group \"\" in the namespace \"{}\"",
                    script.resource, script.user, script.verb, script.resource, script.namespace
                );
                return Err(Interrupted::Fail { code: 403, message });
            }
            context.0["decision"] = json!({
                "verdict": "Allow",
                "reason": "RBAC: allowed by RoleBinding \"shop-dev/shop\" of Role \"pod-writer\" to Group \"dev\"",
            });
        }
        _ => {}
    }
    Ok(())
}

fn route<'a>(
    trace: &'a Trace,
    pace: &'a dyn Pace,
    script: &'a Script,
    context: &'a mut Context,
    servers: &'a [&'static str],
) -> BoxFuture<'a, Result<(), Interrupted>> {
    Box::pin(async move {
        let Some((server, rest)) = servers.split_first() else { return Ok(()) };
        let guard = trace.enter_labelled(Phase::Route, *server, context).await?;
        pace.work(3).await;
        context.0["server"] = json!(server);
        let result = if *server == script.server {
            handle(trace, pace, script).await
        } else {
            route(trace, pace, script, context, rest).await
        };
        guard.done();
        result
    })
}

async fn handle(trace: &Trace, pace: &dyn Pace, script: &Script) -> Result<(), Interrupted> {
    let code = script.code.to_string();
    if script.server == "not-found" {
        trace.describe(|| vec![("code".into(), code)]);
        return Ok(());
    }
    let (phase, write) = match script.verb {
        "create" => (Phase::Create, true),
        "update" => (Phase::Update, true),
        "list" => (Phase::List, false),
        _ => (Phase::Get, false),
    };
    let mut object = Object(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    }));
    let handler = trace.enter(phase, &mut object).await?;
    if write {
        write_object(trace, pace, &mut object).await?;
    } else {
        let cache = trace.enter(Phase::CacherGetList, &mut object).await?;
        pace.work(41).await;
        cache.done();
    }
    let mut response = Response(json!({"code": script.code, "body": object.0}));
    let serialize = trace.enter(Phase::SerializeObject, &mut response).await?;
    pace.work(22).await;
    serialize.exit(&response);
    trace.describe(|| vec![("code".into(), code)]);
    handler.exit(&object);
    Ok(())
}

async fn write_object(trace: &Trace, pace: &dyn Pace, object: &mut Object) -> Result<(), Interrupted> {
    let decode = trace.enter(Phase::DecodeBody, object).await?;
    pace.work(21).await;
    object.0["spec"]["restartPolicy"] = json!("Always");
    object.0["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
    decode.exit(object);
    let admission = trace.enter(Phase::MutatingAdmission, object).await?;
    for (plugin, micros) in [("NamespaceLifecycle", 4), ("ServiceAccount", 18), ("Priority", 5)] {
        let guard = trace.enter_labelled(Phase::MutatingPlugin, plugin, object).await?;
        pace.work(micros).await;
        match plugin {
            "ServiceAccount" => object.0["spec"]["serviceAccountName"] = json!("default"),
            "Priority" => object.0["spec"]["priority"] = json!(0),
            _ => {}
        }
        guard.exit(object);
    }
    admission.exit(object);
    let prepare = trace.enter(Phase::PrepareForWrite, object).await?;
    object.0["metadata"]["uid"] = json!("0a4b7c1e-51b1-4f3e-9d0c-0f2d6a1c7b21");
    object.0["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"});
    prepare.exit(object);
    let validate = trace.enter(Phase::Validate, object).await?;
    pace.work(12).await;
    validate.done();
    let admission = trace.enter(Phase::ValidatingAdmission, object).await?;
    pace.work(9).await;
    admission.done();
    let store = trace.enter(Phase::StorageCreate, object).await?;
    trace.note("About to store object in database");
    let txn = trace.enter(Phase::KVTxn, object).await?;
    pace.work(310).await;
    txn.done();
    object.0["metadata"]["resourceVersion"] = json!("4711");
    store.exit(object);
    Ok(())
}
