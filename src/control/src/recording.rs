//! A session as a file: a header, then one record a line, in the order of time.
//!
//! What was shown live can be shown again from here; a lesson's golden file is one of these.

use std::io::{self, BufRead, Write};

use phase::record::{Event, Outcome, Record, SpanId};
use serde::{Deserialize, Serialize};

use crate::timeline::{
    Marker, Timeline,
    trace::{End, Span, TraceLog},
};

/// The format's version. A newer file is refused with a sentence.
const VERSION: u32 = 1;

/// First line of a recording.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    /// Says what the file is.
    kubestep_recording: u32,
    /// Marked places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    markers: Vec<Marker>,
}

/// Writes a timeline.
pub fn write(timeline: &Timeline, mut out: impl Write) -> io::Result<()> {
    let header = Header { kubestep_recording: VERSION, markers: timeline.markers().to_vec() };
    serde_json::to_writer(&mut out, &header)?;
    out.write_all(b"\n")?;
    for record in timeline.history() {
        serde_json::to_writer(&mut out, &record)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Reads a timeline. A last line that was cut off is left out.
pub fn read(input: impl BufRead) -> io::Result<Timeline> {
    let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
    let mut lines = input.lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let header: Header =
        serde_json::from_str(&first).map_err(|_| invalid("this is not a recording of kubestep".to_owned()))?;
    if header.kubestep_recording > VERSION {
        let version = header.kubestep_recording;
        return Err(invalid(format!("this recording has format {version}; this program reads up to {VERSION}")));
    }
    let mut timeline = Timeline::with_limit(usize::MAX);
    let mut lines = lines.enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        match serde_json::from_str::<Record>(&line?) {
            Ok(record) => timeline.apply(record),
            Err(_) if lines.peek().is_none() => {}
            Err(error) => return Err(invalid(format!("line {}: {error}", number + 2))),
        }
    }
    header.markers.into_iter().for_each(|marker| timeline.mark(marker));
    Ok(timeline)
}

impl Timeline {
    /// Returns everything that is kept as records, in the order of time.
    pub fn history(&self) -> Vec<Record> {
        let mut all: Vec<Record> = self.traces().flat_map(|trace| self.records_of(trace)).collect();
        all.sort_by_key(|record| record.at);
        all
    }

    /// Returns a trace as records. Facts stand at its beginning: when each became known is not kept.
    fn records_of(&self, trace: &TraceLog) -> Vec<Record> {
        let record = |at, event| Record { trace: trace.id(), at, event };
        let start = trace.started();
        let mut records = vec![record(start, Event::Started { kind: trace.kind(), title: trace.title().to_owned() })];
        if !trace.facts().is_empty() {
            records.push(record(start, Event::Described { facts: trace.facts().to_vec() }));
        }
        // Keys that keep phases of one instant in the order in which they must have happened: a phase is entered before
        // it is held, what lies inside it comes before its end, and of two ends the inner one is first.
        let mut ordered: Vec<((u64, u64, i64), Record)> = Vec::new();
        let last_inside = trace.last_inside();
        for (index, span) in trace.spans().iter().enumerate() {
            let (begin, end) = (index as u64 * 2, last_inside[index] as u64 * 2 + 1);
            let id = SpanId(index as u32 + 1);
            let mut put = |at, order, rank, event| ordered.push(((at, order, rank), record(at, event)));
            put(span.entered(), begin, 0, self.entered(span, id));
            if let Some(since) = span.held_since() {
                put(since, begin, 1, Event::Held { span: id });
            }
            if span.held() > 0 {
                let until = span.entered() + span.held();
                put(span.entered(), begin, 1, Event::Held { span: id });
                put(until, begin, 2, Event::Resumed { span: id });
            }
            let inner_first = -2 * index as i64;
            for (at, message) in span.notes() {
                put(*at, end, inner_first - 1, Event::Noted { span: id, message: message.clone() });
            }
            if let Some(exited) = span.exited() {
                put(exited, end, inner_first, exit_of(span, id));
            }
        }
        ordered.sort_by_key(|(key, _)| *key);
        records.extend(ordered.into_iter().map(|(_, record)| record));
        records.extend(trace.finished().map(|at| record(at, Event::Finished { held: trace.held() })));
        records
    }

    fn entered(&self, span: &Span, id: SpanId) -> Event {
        let name = |number| self.name(number).to_owned().into();
        Event::Entered {
            span: id,
            parent: span.parent().map(|parent| SpanId(parent as u32 + 1)),
            phase: span.phase(),
            label: (span.label() != 0).then(|| name(span.label())),
            source: name(span.source()),
            snapshot: span.before().cloned(),
        }
    }
}

fn exit_of(span: &Span, id: SpanId) -> Event {
    let outcome = match span.end() {
        End::Open | End::Ok => Outcome::Ok,
        End::Cancelled => Outcome::Cancelled,
        End::Failed => Outcome::Failed(span.error().unwrap_or_default().to_owned()),
    };
    Event::Exited { span: id, outcome, snapshot: span.after().cloned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use phase::{
        catalog::Phase,
        record::{TraceId, TraceKind},
        snapshot::Snapshot,
    };
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_back() {
        let mut timeline = Timeline::default();
        let enter = |span, parent: Option<u32>, phase, value| Event::Entered {
            span: SpanId(span),
            parent: parent.map(SpanId),
            phase,
            label: Some("x".into()),
            source: "a.rs:7".into(),
            snapshot: Some(Snapshot::value("config", value)),
        };
        let exit = |span, outcome| Event::Exited { span: SpanId(span), outcome, snapshot: None };
        // All at one instant, as under a virtual clock.
        for event in [
            Event::Started { kind: TraceKind::Startup, title: "start".into() },
            Event::Described { facts: vec![("user".into(), "alice".into())] },
            enter(1, None, Phase::Startup, json!({})),
            enter(2, Some(1), Phase::NewConfig, json!({"a": 1})),
            Event::Noted { span: SpanId(2), message: "half".into() },
            exit(2, Outcome::Failed("no".into())),
            enter(3, Some(1), Phase::Run, json!({"a": 2})),
            exit(3, Outcome::Ok),
            exit(1, Outcome::Cancelled),
            Event::Finished { held: 0 },
        ] {
            timeline.apply(Record { trace: TraceId(1), at: 5, event });
        }
        timeline.mark(Marker { name: "a".into(), trace: TraceId(1), step: 1, note: "here".into() });
        let mut file = Vec::new();
        write(&timeline, &mut file).expect("written");
        let read_back = read(file.as_slice()).expect("readable");
        assert_eq!(read_back.history(), timeline.history());
        assert_eq!(read_back.markers(), timeline.markers());
        file.truncate(file.len() - 9);
        assert_eq!(read(file.as_slice()).expect("cut off").history().len(), timeline.history().len() - 1);
        assert!(read(&b"hello"[..]).is_err());
        assert!(read(&br#"{"kubestepRecording":99}"#[..]).expect_err("newer").to_string().contains("format 99"));
    }
}
