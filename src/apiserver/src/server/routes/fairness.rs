//! `/debug/api_priority_and_fairness/`: levels, queues and requests that wait, as tables.
//!
//! Go: apiserver/pkg/util/flowcontrol/apf_controller_debug.go

use std::{fmt::Write, sync::Arc, time::Duration};

use apimachinery::meta::time;
use http::HeaderValue;
use phase::BoxFuture;

use crate::{
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
    server::{
        flowcontrol::controller::{Controller, Level},
        genericapiserver::GenericAPIServer,
    },
};

/// Makes a table of all levels.
type Dump = fn(&Context, &[Arc<Level>]) -> String;

struct Dumps {
    controller: Arc<Controller>,
    dump: Dump,
}

impl Handler for Dumps {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let table = (self.dump)(cx, &self.controller.levels());
        let response = responses::with_body(200, table, HeaderValue::from_static("text/plain; charset=utf-8"));
        Box::pin(async { response })
    }
}

/// Go: apiserver/pkg/util/flowcontrol/apf_controller_debug.go dumpPriorityLevels
fn dump_priority_levels(_cx: &Context, levels: &[Arc<Level>]) -> String {
    let mut table = "PriorityLevelName, ActiveQueues, IsIdle, IsQuiescing, WaitingRequests, ExecutingRequests, \
                     DispatchedRequests, RejectedRequests, TimedoutRequests, CancelledRequests\n"
        .to_owned();
    for level in levels {
        let (name, idle, c) = (&level.config.name, level.queue_set.is_idle(), level.queue_set.counters());
        let _ = writeln!(
            table,
            "{name}, {}, {idle}, false, {}, {}, {}, {}, {}, {}",
            c.active_queues, c.waiting, c.executing, c.dispatched, c.rejected, c.timed_out, c.cancelled
        );
    }
    table
}

/// Go: apiserver/pkg/util/flowcontrol/apf_controller_debug.go dumpQueues
fn dump_queues(_cx: &Context, levels: &[Arc<Level>]) -> String {
    let mut table = "PriorityLevelName, Index, PendingRequests, ExecutingRequests, SeatsInUse, NextDispatchR, \
                     InitialSeatsSum, MaxSeatsSum, TotalWorkSum\n"
        .to_owned();
    for level in levels {
        for (index, queue) in level.queue_set.dump().iter().enumerate() {
            let initial: u32 = queue.pending.iter().map(|request| request.work.initial_seats).sum();
            let most: u32 = queue.pending.iter().map(|request| request.work.max_seats()).sum();
            let _ = writeln!(
                table,
                "{}, {index}, {}, {}, {}, {:.8}ss, {initial}, {most}, {:.8}ss",
                level.config.name,
                queue.pending.len(),
                queue.executing,
                queue.seats_in_use,
                queue.next_dispatch_r,
                queue.total_work,
            );
        }
    }
    table
}

/// Go: apiserver/pkg/util/flowcontrol/apf_controller_debug.go dumpRequests
fn dump_requests(cx: &Context, levels: &[Arc<Level>]) -> String {
    let mut table = "PriorityLevelName, FlowSchemaName, QueueIndex, RequestIndexInQueue, FlowDistingsher, ArriveTime, \
                     InitialSeats, FinalSeats, AdditionalLatency\n"
        .to_owned();
    let (now, wall) = (cx.services.clock.now(), cx.services.clock.wall());
    for level in levels {
        for (index, queue) in level.queue_set.dump().iter().enumerate() {
            for (place, request) in queue.pending.iter().enumerate() {
                let waited = Duration::from_nanos(now.saturating_sub(request.arrived));
                let arrived = time::rfc3339_micro(wall.saturating_sub(waited));
                let _ = writeln!(
                    table,
                    "{}, {}, {index}, {place}, {}, {arrived}, {}, {}, {:?}",
                    level.config.name,
                    request.flow.flow_schema,
                    request.flow.distinguisher,
                    request.work.initial_seats,
                    request.work.final_seats,
                    request.work.additional_latency,
                );
            }
        }
    }
    table
}

/// Adds the tables.
///
/// Go: apiserver/pkg/util/flowcontrol/apf_filter.go Install
pub fn install(server: &GenericAPIServer, controller: &Arc<Controller>) {
    let tables: [(&str, Dump); 3] = [
        ("dump_priority_levels", dump_priority_levels),
        ("dump_queues", dump_queues),
        ("dump_requests", dump_requests),
    ];
    for (name, dump) in tables {
        let handler = Arc::new(Dumps { controller: controller.clone(), dump });
        let path = format!("/debug/api_priority_and_fairness/{name}");
        server.handler.non_go_restful_mux.unlisted_handle(&path, handler);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    #[test]
    fn the_mandatory_levels_are_in_the_table() {
        let cx = testing::context("GET", "/");
        let controller = Controller::new(cx.services.clock.clone(), 600);
        let table = dump_priority_levels(&cx, &controller.levels());
        assert!(table.contains("\ncatch-all, 0, true, false, 0, 0, 0, 0, 0, 0\n"), "{table}");
    }
}
