//! The families that this server measures: names, labels and buckets are kube-apiserver's. This file is a catalogue.
//!
//! Simplified: summaries are left out, since their quantiles cannot be added up; of flow control the families that
//! tell about its internal arithmetic are left out.
//!
//! Go: apiserver/pkg/{endpoints/metrics,endpoints/filters,admission/metrics,audit,storage/etcd3/metrics,
//! storage/cacher/metrics,util/flowcontrol/metrics}/metrics.go

use super::{Family, Kind};

const DURATION_BUCKETS: &[f64] = &[
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];
const LATENCY_BUCKETS: &[f64] =
    &[0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0];
const SIZE_BUCKETS: &[f64] = &[1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const EVENT_SIZE_BUCKETS: &[f64] = &[1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32768.0, 65536.0, 131_072.0];
const FILTER_BUCKETS: &[f64] = &[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 5.0, 10.0, 15.0, 30.0];
const AUTH_BUCKETS: &[f64] =
    &[0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];
const ADMISSION_BUCKETS: &[f64] = &[0.005, 0.025, 0.1, 0.5, 1.0, 2.5];
const WEBHOOK_BUCKETS: &[f64] = &[0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 25.0];
const WAIT_BUCKETS: &[f64] = &[0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0];
const FLOW_BUCKETS: &[f64] = &[0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0];
const QUEUE_BUCKETS: &[f64] = &[0.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0];
const SEAT_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 100.0];

const fn family(
    kind: Kind,
    name: &'static str,
    stability: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, help, stability, labels, kind }
}

/// Requests by verb, resource, scope and response code.
pub static REQUEST_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_request_total",
    "STABLE",
    &["verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component", "code"],
    "Requests by verb, resource, scope and response code.",
);

/// Time from arrival to answer, by verb and resource.
pub static REQUEST_DURATION: Family = family(
    Kind::Histogram(DURATION_BUCKETS),
    "apiserver_request_duration_seconds",
    "STABLE",
    &["verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component"],
    "Time from arrival to answer, by verb and resource.",
);

/// Time to answer without webhooks and queues, by verb and resource.
pub static REQUEST_SLI_DURATION: Family = family(
    Kind::Histogram(LATENCY_BUCKETS),
    "apiserver_request_sli_duration_seconds",
    "ALPHA",
    &["verb", "group", "version", "resource", "subresource", "scope", "component"],
    "Time to answer without webhooks and queues, by verb and resource.",
);

/// Bytes of answers, by verb and resource.
pub static RESPONSE_SIZES: Family = family(
    Kind::Histogram(SIZE_BUCKETS),
    "apiserver_response_sizes",
    "STABLE",
    &["verb", "group", "version", "resource", "subresource", "scope", "component"],
    "Bytes of answers, by verb and resource.",
);

/// Watches, proxies and the like that are under way.
pub static LONGRUNNING_REQUESTS: Family = family(
    Kind::Gauge,
    "apiserver_longrunning_requests",
    "STABLE",
    &["verb", "group", "version", "resource", "subresource", "scope", "component"],
    "Watches, proxies and the like that are under way.",
);

/// Most requests at once in the last second, by kind.
pub static CURRENT_INFLIGHT_REQUESTS: Family = family(
    Kind::Gauge,
    "apiserver_current_inflight_requests",
    "STABLE",
    &["request_kind"],
    "Most requests at once in the last second, by kind.",
);

/// Most queued requests at once in the last second, by kind.
pub static CURRENT_INQUEUE_REQUESTS: Family = family(
    Kind::Gauge,
    "apiserver_current_inqueue_requests",
    "ALPHA",
    &["request_kind"],
    "Most queued requests at once in the last second, by kind.",
);

/// Deprecated APIs that were asked for.
pub static REQUESTED_DEPRECATED_APIS: Family = family(
    Kind::Gauge,
    "apiserver_requested_deprecated_apis",
    "STABLE",
    &["group", "version", "resource", "subresource", "removed_release"],
    "Deprecated APIs that were asked for.",
);

/// Requests that were turned away to protect the server.
pub static REQUEST_TERMINATIONS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_request_terminations_total",
    "ALPHA",
    &["verb", "group", "version", "resource", "subresource", "scope", "component", "code"],
    "Requests that were turned away to protect the server.",
);

/// Requests that were cut off, by time or by the client.
pub static REQUEST_ABORTS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_request_aborts_total",
    "ALPHA",
    &["verb", "group", "version", "resource", "subresource", "scope"],
    "Requests that were cut off, by time or by the client.",
);

/// Handlers that went on after their request had timed out.
pub static REQUEST_POST_TIMEOUT_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_request_post_timeout_total",
    "ALPHA",
    &["source", "status"],
    "Handlers that went on after their request had timed out.",
);

/// Time that a request spends in each filter.
pub static REQUEST_FILTER_DURATION: Family = family(
    Kind::Histogram(FILTER_BUCKETS),
    "apiserver_request_filter_duration_seconds",
    "ALPHA",
    &["filter"],
    "Time that a request spends in each filter.",
);

/// Requests of the server to itself.
pub static SELFREQUEST_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_selfrequest_total",
    "ALPHA",
    &["verb", "group", "resource", "subresource"],
    "Requests of the server to itself.",
);

/// Time to answer, by field validation.
pub static FIELD_VALIDATION_DURATION: Family = family(
    Kind::Histogram(LATENCY_BUCKETS),
    "field_validation_request_duration_seconds",
    "ALPHA",
    &["field_validation"],
    "Time to answer, by field validation.",
);

/// Connections dropped because of TLS.
pub static TLS_HANDSHAKE_ERRORS_TOTAL: Family =
    family(Kind::Counter, "apiserver_tls_handshake_errors_total", "ALPHA", &[], "Connections dropped because of TLS.");

/// Events sent to watchers.
pub static WATCH_EVENTS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_watch_events_total",
    "ALPHA",
    &["group", "version", "resource"],
    "Events sent to watchers.",
);

/// Bytes of events sent to watchers.
pub static WATCH_EVENTS_SIZES: Family = family(
    Kind::Histogram(EVENT_SIZE_BUCKETS),
    "apiserver_watch_events_sizes",
    "ALPHA",
    &["group", "version", "resource"],
    "Bytes of events sent to watchers.",
);

/// Authenticated requests, by user name.
pub static AUTHENTICATED_USER_REQUESTS: Family = family(
    Kind::Counter,
    "authenticated_user_requests",
    "ALPHA",
    &["username"],
    "Authenticated requests, by user name.",
);

/// Attempts to authenticate, by result.
pub static AUTHENTICATION_ATTEMPTS: Family =
    family(Kind::Counter, "authentication_attempts", "ALPHA", &["result"], "Attempts to authenticate, by result.");

/// Time to authenticate, by result.
pub static AUTHENTICATION_DURATION: Family = family(
    Kind::Histogram(AUTH_BUCKETS),
    "authentication_duration_seconds",
    "ALPHA",
    &["result"],
    "Time to authenticate, by result.",
);

/// Attempts to authorize, by result.
pub static AUTHORIZATION_ATTEMPTS_TOTAL: Family =
    family(Kind::Counter, "authorization_attempts_total", "ALPHA", &["result"], "Attempts to authorize, by result.");

/// Time to authorize, by result.
pub static AUTHORIZATION_DURATION: Family = family(
    Kind::Histogram(AUTH_BUCKETS),
    "authorization_duration_seconds",
    "ALPHA",
    &["result"],
    "Time to authorize, by result.",
);

/// Decisions that ended an authorization, by authorizer.
pub static AUTHORIZATION_DECISIONS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_authorization_decisions_total",
    "ALPHA",
    &["type", "name", "decision"],
    "Decisions that ended an authorization, by authorizer.",
);

/// Time of all admission plugins together, by step.
pub static ADMISSION_STEP_DURATION: Family = family(
    Kind::Histogram(ADMISSION_BUCKETS),
    "apiserver_admission_step_admission_duration_seconds",
    "STABLE",
    &["type", "operation", "rejected"],
    "Time of all admission plugins together, by step.",
);

/// Time of each admission plugin.
pub static ADMISSION_CONTROLLER_DURATION: Family = family(
    Kind::Histogram(ADMISSION_BUCKETS),
    "apiserver_admission_controller_admission_duration_seconds",
    "STABLE",
    &["name", "type", "operation", "rejected"],
    "Time of each admission plugin.",
);

/// Time of each admission webhook.
pub static ADMISSION_WEBHOOK_DURATION: Family = family(
    Kind::Histogram(WEBHOOK_BUCKETS),
    "apiserver_admission_webhook_admission_duration_seconds",
    "STABLE",
    &["name", "type", "operation", "rejected"],
    "Time of each admission webhook.",
);

/// Refusals by admission webhooks.
pub static ADMISSION_WEBHOOK_REJECTION_COUNT: Family = family(
    Kind::Counter,
    "apiserver_admission_webhook_rejection_count",
    "ALPHA",
    &["name", "type", "operation", "error_type", "rejection_code"],
    "Refusals by admission webhooks.",
);

/// Admission webhooks that failed and were passed over.
pub static ADMISSION_WEBHOOK_FAIL_OPEN_COUNT: Family = family(
    Kind::Counter,
    "apiserver_admission_webhook_fail_open_count",
    "ALPHA",
    &["name", "type"],
    "Admission webhooks that failed and were passed over.",
);

/// Calls of admission webhooks.
pub static ADMISSION_WEBHOOK_REQUEST_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_admission_webhook_request_total",
    "ALPHA",
    &["name", "type", "operation", "code", "rejected"],
    "Calls of admission webhooks.",
);

/// Match conditions that could not be evaluated.
pub static ADMISSION_MATCH_CONDITION_ERRORS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_admission_match_condition_evaluation_errors_total",
    "ALPHA",
    &["name", "kind", "type", "operation"],
    "Match conditions that could not be evaluated.",
);

/// Requests that match conditions kept away.
pub static ADMISSION_MATCH_CONDITION_EXCLUSIONS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_admission_match_condition_exclusions_total",
    "ALPHA",
    &["name", "kind", "type", "operation"],
    "Requests that match conditions kept away.",
);

/// Audit events handed to the backends.
pub static AUDIT_EVENT_TOTAL: Family =
    family(Kind::Counter, "apiserver_audit_event_total", "ALPHA", &[], "Audit events handed to the backends.");

/// Audit events that a backend could not keep.
pub static AUDIT_ERROR_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_audit_error_total",
    "ALPHA",
    &["plugin"],
    "Audit events that a backend could not keep.",
);

/// Audited requests, by level.
pub static AUDIT_LEVEL_TOTAL: Family =
    family(Kind::Counter, "apiserver_audit_level_total", "ALPHA", &["level"], "Audited requests, by level.");

/// Requests refused because they could not be audited.
pub static AUDIT_REQUESTS_REJECTED_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_audit_requests_rejected_total",
    "ALPHA",
    &[],
    "Requests refused because they could not be audited.",
);

/// Time of operations on the store.
pub static ETCD_REQUEST_DURATION: Family = family(
    Kind::Histogram(DURATION_BUCKETS),
    "etcd_request_duration_seconds",
    "ALPHA",
    &["operation", "group", "resource"],
    "Time of operations on the store.",
);

/// Operations on the store.
pub static ETCD_REQUESTS_TOTAL: Family = family(
    Kind::Counter,
    "etcd_requests_total",
    "ALPHA",
    &["operation", "group", "resource"],
    "Operations on the store.",
);

/// Operations on the store that failed.
pub static ETCD_REQUEST_ERRORS_TOTAL: Family = family(
    Kind::Counter,
    "etcd_request_errors_total",
    "ALPHA",
    &["operation", "group", "resource"],
    "Operations on the store that failed.",
);

/// Stored objects when last counted, by resource.
pub static STORAGE_OBJECTS: Family = family(
    Kind::Gauge,
    "apiserver_storage_objects",
    "STABLE",
    &["resource"],
    "Stored objects when last counted, by resource.",
);

/// Stored objects when last counted, by group and resource.
pub static RESOURCE_OBJECTS: Family = family(
    Kind::Gauge,
    "apiserver_resource_objects",
    "ALPHA",
    &["group", "resource"],
    "Stored objects when last counted, by group and resource.",
);

/// About how many bytes the objects of a resource have.
pub static RESOURCE_SIZE_ESTIMATE: Family = family(
    Kind::Gauge,
    "apiserver_resource_size_estimate_bytes",
    "ALPHA",
    &["group", "resource"],
    "About how many bytes the objects of a resource have.",
);

/// Events received from the store.
pub static STORAGE_EVENTS_RECEIVED_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_storage_events_received_total",
    "ALPHA",
    &["group", "resource"],
    "Events received from the store.",
);

/// Lists answered from the store.
pub static STORAGE_LIST_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_storage_list_total",
    "ALPHA",
    &["group", "resource"],
    "Lists answered from the store.",
);

/// Objects read from the store for lists.
pub static STORAGE_LIST_FETCHED_OBJECTS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_storage_list_fetched_objects_total",
    "ALPHA",
    &["group", "resource"],
    "Objects read from the store for lists.",
);

/// Objects looked at for lists from the store.
pub static STORAGE_LIST_EVALUATED_OBJECTS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_storage_list_evaluated_objects_total",
    "ALPHA",
    &["group", "resource"],
    "Objects looked at for lists from the store.",
);

/// Objects returned by lists from the store.
pub static STORAGE_LIST_RETURNED_OBJECTS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_storage_list_returned_objects_total",
    "ALPHA",
    &["group", "resource"],
    "Objects returned by lists from the store.",
);

/// Stored objects that could not be decoded.
pub static STORAGE_DECODE_ERRORS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_storage_decode_errors_total",
    "ALPHA",
    &["group", "resource"],
    "Stored objects that could not be decoded.",
);

/// Lists answered from the watch cache.
pub static CACHE_LIST_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_cache_list_total",
    "ALPHA",
    &["group", "resource", "index"],
    "Lists answered from the watch cache.",
);

/// Objects looked at for lists from the watch cache.
pub static CACHE_LIST_FETCHED_OBJECTS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_cache_list_fetched_objects_total",
    "ALPHA",
    &["group", "resource", "index"],
    "Objects looked at for lists from the watch cache.",
);

/// Objects returned by lists from the watch cache.
pub static CACHE_LIST_RETURNED_OBJECTS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_cache_list_returned_objects_total",
    "ALPHA",
    &["group", "resource"],
    "Objects returned by lists from the watch cache.",
);

/// Events with which watches began.
pub static INIT_EVENTS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_init_events_total",
    "ALPHA",
    &["group", "resource"],
    "Events with which watches began.",
);

/// Events that entered the watch cache.
pub static WATCH_CACHE_EVENTS_RECEIVED_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_watch_cache_events_received_total",
    "ALPHA",
    &["group", "resource"],
    "Events that entered the watch cache.",
);

/// Events that the watch cache handed to watchers.
pub static WATCH_CACHE_EVENTS_DISPATCHED_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_watch_cache_events_dispatched_total",
    "ALPHA",
    &["group", "resource"],
    "Events that the watch cache handed to watchers.",
);

/// Watchers cut off because they were too slow.
pub static TERMINATED_WATCHERS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_terminated_watchers_total",
    "ALPHA",
    &["group", "resource"],
    "Watchers cut off because they were too slow.",
);

/// Version of the newest event in the watch cache.
pub static WATCH_CACHE_RESOURCE_VERSION: Family = family(
    Kind::Gauge,
    "apiserver_watch_cache_resource_version",
    "ALPHA",
    &["group", "resource"],
    "Version of the newest event in the watch cache.",
);

/// Events that the watch cache can hold.
pub static WATCH_CACHE_CAPACITY: Family = family(
    Kind::Gauge,
    "apiserver_watch_cache_capacity",
    "ALPHA",
    &["group", "resource"],
    "Events that the watch cache can hold.",
);

/// Times that a watch cache grew.
pub static WATCH_CACHE_CAPACITY_INCREASE_TOTAL: Family = family(
    Kind::Counter,
    "watch_cache_capacity_increase_total",
    "ALPHA",
    &["group", "resource"],
    "Times that a watch cache grew.",
);

/// Times that a watch cache shrank.
pub static WATCH_CACHE_CAPACITY_DECREASE_TOTAL: Family = family(
    Kind::Counter,
    "watch_cache_capacity_decrease_total",
    "ALPHA",
    &["group", "resource"],
    "Times that a watch cache shrank.",
);

/// Times that a watch cache was filled.
pub static WATCH_CACHE_INITIALIZATIONS_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_watch_cache_initializations_total",
    "ALPHA",
    &["group", "resource"],
    "Times that a watch cache was filled.",
);

/// Time that reads wait for the watch cache to be fresh.
pub static WATCH_CACHE_READ_WAIT: Family = family(
    Kind::Histogram(WAIT_BUCKETS),
    "apiserver_watch_cache_read_wait_seconds",
    "ALPHA",
    &["group", "resource"],
    "Time that reads wait for the watch cache to be fresh.",
);

/// Consistent reads from the watch cache.
pub static WATCH_CACHE_CONSISTENT_READ_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_watch_cache_consistent_read_total",
    "ALPHA",
    &["group", "resource", "success", "fallback"],
    "Consistent reads from the watch cache.",
);

/// Requests that flow control turned away.
pub static FLOWCONTROL_REJECTED_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_flowcontrol_rejected_requests_total",
    "BETA",
    &["priority_level", "flow_schema", "reason"],
    "Requests that flow control turned away.",
);

/// Requests that flow control let through.
pub static FLOWCONTROL_DISPATCHED_TOTAL: Family = family(
    Kind::Counter,
    "apiserver_flowcontrol_dispatched_requests_total",
    "BETA",
    &["priority_level", "flow_schema"],
    "Requests that flow control let through.",
);

/// Requests waiting in queues.
pub static FLOWCONTROL_CURRENT_INQUEUE_REQUESTS: Family = family(
    Kind::Gauge,
    "apiserver_flowcontrol_current_inqueue_requests",
    "BETA",
    &["priority_level", "flow_schema"],
    "Requests waiting in queues.",
);

/// Seats of the requests waiting in queues.
pub static FLOWCONTROL_CURRENT_INQUEUE_SEATS: Family = family(
    Kind::Gauge,
    "apiserver_flowcontrol_current_inqueue_seats",
    "ALPHA",
    &["priority_level", "flow_schema"],
    "Seats of the requests waiting in queues.",
);

/// Requests being executed.
pub static FLOWCONTROL_CURRENT_EXECUTING_REQUESTS: Family = family(
    Kind::Gauge,
    "apiserver_flowcontrol_current_executing_requests",
    "BETA",
    &["priority_level", "flow_schema"],
    "Requests being executed.",
);

/// Seats occupied by requests.
pub static FLOWCONTROL_CURRENT_EXECUTING_SEATS: Family = family(
    Kind::Gauge,
    "apiserver_flowcontrol_current_executing_seats",
    "BETA",
    &["priority_level", "flow_schema"],
    "Seats occupied by requests.",
);

/// Seats that a level has by its configuration.
pub static FLOWCONTROL_NOMINAL_LIMIT_SEATS: Family = family(
    Kind::Gauge,
    "apiserver_flowcontrol_nominal_limit_seats",
    "BETA",
    &["priority_level"],
    "Seats that a level has by its configuration.",
);

/// Seats that a level has now.
pub static FLOWCONTROL_CURRENT_LIMIT_SEATS: Family = family(
    Kind::Gauge,
    "apiserver_flowcontrol_current_limit_seats",
    "ALPHA",
    &["priority_level"],
    "Seats that a level has now.",
);

/// Seats that a level never lends.
pub static FLOWCONTROL_LOWER_LIMIT_SEATS: Family = family(
    Kind::Gauge,
    "apiserver_flowcontrol_lower_limit_seats",
    "ALPHA",
    &["priority_level"],
    "Seats that a level never lends.",
);

/// Seats that a level can have at most.
pub static FLOWCONTROL_UPPER_LIMIT_SEATS: Family = family(
    Kind::Gauge,
    "apiserver_flowcontrol_upper_limit_seats",
    "ALPHA",
    &["priority_level"],
    "Seats that a level can have at most.",
);

/// Time that requests wait in queues.
pub static FLOWCONTROL_WAIT_DURATION: Family = family(
    Kind::Histogram(FLOW_BUCKETS),
    "apiserver_flowcontrol_request_wait_duration_seconds",
    "BETA",
    &["priority_level", "flow_schema", "execute"],
    "Time that requests wait in queues.",
);

/// Time that requests occupy their seats.
pub static FLOWCONTROL_EXECUTION: Family = family(
    Kind::Histogram(FLOW_BUCKETS),
    "apiserver_flowcontrol_request_execution_seconds",
    "ALPHA",
    &["priority_level", "flow_schema", "type"],
    "Time that requests occupy their seats.",
);

/// Length of a queue with the request that joined it.
pub static FLOWCONTROL_QUEUE_LENGTH: Family = family(
    Kind::Histogram(QUEUE_BUCKETS),
    "apiserver_flowcontrol_request_queue_length_after_enqueue",
    "ALPHA",
    &["priority_level", "flow_schema"],
    "Length of a queue with the request that joined it.",
);

/// Seats that requests are thought to need.
pub static FLOWCONTROL_ESTIMATED_SEATS: Family = family(
    Kind::Histogram(SEAT_BUCKETS),
    "apiserver_flowcontrol_work_estimated_seats",
    "ALPHA",
    &["priority_level", "flow_schema"],
    "Seats that requests are thought to need.",
);

/// Whether a health check last went well.
pub static HEALTHCHECK: Family = family(
    Kind::Gauge,
    "kubernetes_healthcheck",
    "STABLE",
    &["name", "type"],
    "Whether a health check last went well.",
);

/// Health checks, by result.
pub static HEALTHCHECKS_TOTAL: Family = family(
    Kind::Counter,
    "kubernetes_healthchecks_total",
    "STABLE",
    &["name", "type", "status"],
    "Health checks, by result.",
);

/// When the process started, in seconds since 1970.
pub static PROCESS_START_TIME: Family = family(
    Kind::Gauge,
    "process_start_time_seconds",
    "STABLE",
    &[],
    "When the process started, in seconds since 1970.",
);

/// All of them.
pub static ALL: &[&Family] = &[
    &REQUEST_TOTAL,
    &REQUEST_DURATION,
    &REQUEST_SLI_DURATION,
    &RESPONSE_SIZES,
    &LONGRUNNING_REQUESTS,
    &CURRENT_INFLIGHT_REQUESTS,
    &CURRENT_INQUEUE_REQUESTS,
    &REQUESTED_DEPRECATED_APIS,
    &REQUEST_TERMINATIONS_TOTAL,
    &REQUEST_ABORTS_TOTAL,
    &REQUEST_POST_TIMEOUT_TOTAL,
    &REQUEST_FILTER_DURATION,
    &SELFREQUEST_TOTAL,
    &FIELD_VALIDATION_DURATION,
    &TLS_HANDSHAKE_ERRORS_TOTAL,
    &WATCH_EVENTS_TOTAL,
    &WATCH_EVENTS_SIZES,
    &AUTHENTICATED_USER_REQUESTS,
    &AUTHENTICATION_ATTEMPTS,
    &AUTHENTICATION_DURATION,
    &AUTHORIZATION_ATTEMPTS_TOTAL,
    &AUTHORIZATION_DURATION,
    &AUTHORIZATION_DECISIONS_TOTAL,
    &ADMISSION_STEP_DURATION,
    &ADMISSION_CONTROLLER_DURATION,
    &ADMISSION_WEBHOOK_DURATION,
    &ADMISSION_WEBHOOK_REJECTION_COUNT,
    &ADMISSION_WEBHOOK_FAIL_OPEN_COUNT,
    &ADMISSION_WEBHOOK_REQUEST_TOTAL,
    &ADMISSION_MATCH_CONDITION_ERRORS_TOTAL,
    &ADMISSION_MATCH_CONDITION_EXCLUSIONS_TOTAL,
    &AUDIT_EVENT_TOTAL,
    &AUDIT_ERROR_TOTAL,
    &AUDIT_LEVEL_TOTAL,
    &AUDIT_REQUESTS_REJECTED_TOTAL,
    &ETCD_REQUEST_DURATION,
    &ETCD_REQUESTS_TOTAL,
    &ETCD_REQUEST_ERRORS_TOTAL,
    &STORAGE_OBJECTS,
    &RESOURCE_OBJECTS,
    &RESOURCE_SIZE_ESTIMATE,
    &STORAGE_EVENTS_RECEIVED_TOTAL,
    &STORAGE_LIST_TOTAL,
    &STORAGE_LIST_FETCHED_OBJECTS_TOTAL,
    &STORAGE_LIST_EVALUATED_OBJECTS_TOTAL,
    &STORAGE_LIST_RETURNED_OBJECTS_TOTAL,
    &STORAGE_DECODE_ERRORS_TOTAL,
    &CACHE_LIST_TOTAL,
    &CACHE_LIST_FETCHED_OBJECTS_TOTAL,
    &CACHE_LIST_RETURNED_OBJECTS_TOTAL,
    &INIT_EVENTS_TOTAL,
    &WATCH_CACHE_EVENTS_RECEIVED_TOTAL,
    &WATCH_CACHE_EVENTS_DISPATCHED_TOTAL,
    &TERMINATED_WATCHERS_TOTAL,
    &WATCH_CACHE_RESOURCE_VERSION,
    &WATCH_CACHE_CAPACITY,
    &WATCH_CACHE_CAPACITY_INCREASE_TOTAL,
    &WATCH_CACHE_CAPACITY_DECREASE_TOTAL,
    &WATCH_CACHE_INITIALIZATIONS_TOTAL,
    &WATCH_CACHE_READ_WAIT,
    &WATCH_CACHE_CONSISTENT_READ_TOTAL,
    &FLOWCONTROL_REJECTED_TOTAL,
    &FLOWCONTROL_DISPATCHED_TOTAL,
    &FLOWCONTROL_CURRENT_INQUEUE_REQUESTS,
    &FLOWCONTROL_CURRENT_INQUEUE_SEATS,
    &FLOWCONTROL_CURRENT_EXECUTING_REQUESTS,
    &FLOWCONTROL_CURRENT_EXECUTING_SEATS,
    &FLOWCONTROL_NOMINAL_LIMIT_SEATS,
    &FLOWCONTROL_CURRENT_LIMIT_SEATS,
    &FLOWCONTROL_LOWER_LIMIT_SEATS,
    &FLOWCONTROL_UPPER_LIMIT_SEATS,
    &FLOWCONTROL_WAIT_DURATION,
    &FLOWCONTROL_EXECUTION,
    &FLOWCONTROL_QUEUE_LENGTH,
    &FLOWCONTROL_ESTIMATED_SEATS,
    &HEALTHCHECK,
    &HEALTHCHECKS_TOTAL,
    &PROCESS_START_TIME,
];
