//! The parameters of connections and of logs: the fields of the options that the query stands for.
//!
//! Go: apiserver/pkg/endpoints/installer.go AddObjectParams, k8s.io/api/core/v1/types.go PodExecOptions
//!
//! This file is a catalogue: one entry per parameter, as in [`parameters`](super::parameters).

use super::parameters::{Parameter, query};

const ATTACH: &[Parameter] = &[
    query("container", "string", "_Q-EJ3nR", "Which container to join; may be left out where there is one."),
    query("stderr", "boolean", "26jJhFUR", "Whether errors are sent; on by default."),
    query("stdin", "boolean", "sEFnN3IS", "Whether input is taken."),
    query("stdout", "boolean", "005YMKE6", "Whether output is sent; on by default."),
    query("tty", "boolean", "g7MlET_l", "Whether there is a terminal."),
];

const EXEC: &[Parameter] = &[
    query("command", "string", "Py3eQybp", "The command and its arguments, one a parameter; no shell reads them."),
    query("container", "string", "i5dOmRiM", "Where to run it; may be left out where there is one container."),
    query("stderr", "boolean", "W_1TNlWc", "Whether errors are sent."),
    query("stdin", "boolean", "PSzNhyUC", "Whether input is taken."),
    query("stdout", "boolean", "-EZLRwV1", "Whether output is sent."),
    query("tty", "boolean", "s0flW37O", "Whether there is a terminal."),
];

const LOG: &[Parameter] = &[
    query("container", "string", "1GeXxFDC", "Whose log; may be left out where there is one container."),
    query("follow", "boolean", "9OIXh_2R", "Whether the answer goes on with what is yet to be written."),
    query("insecureSkipTLSVerifyBackend", "boolean", "gM00jVbe", "Whether the kubelet may be anyone."),
    query("limitBytes", "integer", "zwd1RXuc", "How many bytes at most."),
    query("previous", "boolean", "1jxDPu3y", "Whether the container before the last restart is meant."),
    query("sinceSeconds", "integer", "vE2NLdnP", "How many seconds back the log begins."),
    query("stream", "string", "l-48cgXv", "Which stream: All, Stdout or Stderr."),
    query("tailLines", "integer", "9xQLWHMV", "How many lines from the end."),
    query("timestamps", "boolean", "c17fW1w_", "Whether every line begins with its time."),
];

const PORT_FORWARD: &[Parameter] = &[query("ports", "integer", "91KROJmm", "The ports; needed over WebSockets only.")];

const NODE_PROXY: &[Parameter] = &[query("path", "string", "rFDtV0x9", "The path at the node.")];
const POD_PROXY: &[Parameter] = &[query("path", "string", "oPbzgLUj", "The path at the pod.")];
const SERVICE_PROXY: &[Parameter] = &[query("path", "string", "QCf0eosM", "The path at the service.")];

/// Returns the parameters that options of a kind are made of.
pub fn of(options_kind: &str) -> &'static [Parameter] {
    match options_kind {
        "PodAttachOptions" => ATTACH,
        "PodExecOptions" => EXEC,
        "PodLogOptions" => LOG,
        "PodPortForwardOptions" => PORT_FORWARD,
        "NodeProxyOptions" => NODE_PROXY,
        "PodProxyOptions" => POD_PROXY,
        "ServiceProxyOptions" => SERVICE_PROXY,
        _ => &[],
    }
}

/// Returns all of them.
pub fn all() -> impl Iterator<Item = &'static Parameter> {
    [ATTACH, EXEC, LOG, PORT_FORWARD, NODE_PROXY, POD_PROXY, SERVICE_PROXY].into_iter().flatten()
}
