//! Where a request is on its way along the three servers, and which of them exist yet.

use control::timeline::{
    Timeline,
    trace::{Standing, TraceLog},
};
use phase::{catalog::Phase, record::TraceId};

/// A place on the way of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the filters.
    Filters,
    /// In the aggregator's director.
    Aggregator,
    /// In kube-apiserver.
    Core,
    /// In the apiextensions server.
    Extensions,
    /// At the end of the chain.
    NotFound,
}

impl Place {
    /// All places, in the order in which a request meets them.
    pub const ALL: [Place; 5] = [Place::Filters, Place::Aggregator, Place::Core, Place::Extensions, Place::NotFound];

    /// Returns the phase of start-up that makes it; the filters are made with the outermost server.
    pub fn made_by(self) -> Phase {
        match self {
            Self::Filters | Self::Aggregator => Phase::CreateAggregatorServer,
            Self::Core => Phase::CreateKubeAPIServer,
            Self::Extensions => Phase::CreateAPIExtensionsServer,
            Self::NotFound => Phase::NotFoundHandler,
        }
    }

    /// Returns the place that the label of a routing phase names.
    fn of_label(label: &str) -> Place {
        if label.contains("aggregator") {
            Self::Aggregator
        } else if label.contains("extensions") {
            Self::Extensions
        } else if label.contains("not") {
            Self::NotFound
        } else {
            Self::Core
        }
    }
}

/// Returns where a request is at a step; `None` once it is answered.
pub fn place(timeline: &Timeline, log: &TraceLog, step: usize) -> Option<Place> {
    if log.finished().is_some() && step >= log.spans().len() {
        return None;
    }
    let spans = &log.spans()[..log.spans().len().min(step.saturating_add(1))];
    let route = spans.iter().rfind(|span| span.phase() == Phase::Route);
    Some(route.map_or(Place::Filters, |span| Place::of_label(timeline.name(span.label()))))
}

/// Whether a part of the chain exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Not yet.
    NotYet,
    /// It is being made.
    Making,
    /// It exists.
    Made,
}

/// Returns whether a part exists, as the start-up stood at a step (or now, if another trace is looked at).
pub fn made(startup: Option<&TraceLog>, step: Option<usize>, place: Place) -> Made {
    // Without a start-up (an attached interface, a recording of requests) the server is there.
    let Some(log) = startup else { return Made::Made };
    let step = step.unwrap_or(log.spans().len().saturating_sub(1));
    let at = log.spans().iter().position(|span| span.phase() == place.made_by());
    match at.map(|at| log.standing(at, step)) {
        None | Some(Standing::Ahead) => Made::NotYet,
        Some(Standing::Open) => Made::Making,
        Some(Standing::Over(_)) => Made::Made,
    }
}

/// Returns the requests that are at a place now, held ones first.
pub fn at_place(timeline: &Timeline, place_wanted: Place, held: &dyn Fn(TraceId) -> bool) -> Vec<TraceId> {
    // Watches are left out: they stand at their place for hours.
    let mut found: Vec<(bool, TraceId)> = timeline
        .in_flight()
        .filter(|log| !log.is_system())
        .filter(|log| place(timeline, log, log.spans().len()) == Some(place_wanted))
        .map(|log| (!held(log.id()), log.id()))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, id)| id).collect()
}
