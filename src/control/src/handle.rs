//! A client's grip on the controller, near or far.

use std::{io, sync::Arc};

use phase::clock::{Clock, Nanos};
use tokio::sync::mpsc;

use crate::{
    controller::{ClientId, Controller},
    protocol::{Command, Event},
    timeline::{self, Timeline},
};

/// Commands that wait to be sent to a controller far away; a person types slower than this.
const FAR_BOUND: usize = 256;

/// A client. Dropping it detaches: if it was the last one, everything that is held goes on.
#[derive(Debug)]
pub struct Handle {
    side: Side,
    events: mpsc::Receiver<Event>,
    timeline: timeline::Shared,
}

#[derive(Debug)]
enum Side {
    /// In this process.
    Near { controller: Arc<Controller>, id: ClientId },
    /// Over a connection; see [`crate::wire`].
    Far { commands: mpsc::Sender<Command>, clock: Arc<dyn Clock>, heard: Nanos },
    /// A recording: nothing happens any more.
    Past,
}

/// The two ends that a connection works with.
pub(crate) type FarEnds = (mpsc::Receiver<Command>, mpsc::Sender<Event>);

impl Handle {
    pub(crate) fn local(controller: Arc<Controller>, id: ClientId, events: mpsc::Receiver<Event>) -> Self {
        let timeline = controller.timeline().clone();
        Self { side: Side::Near { controller, id }, events, timeline }
    }

    pub(crate) fn far(clock: Arc<dyn Clock>) -> (Self, FarEnds) {
        let (commands, commands_out) = mpsc::channel(FAR_BOUND);
        let (events_in, events) = mpsc::channel(FAR_BOUND);
        let heard = clock.now();
        let side = Side::Far { commands, clock, heard };
        (Self { side, events, timeline: Timeline::shared() }, (commands_out, events_in))
    }

    /// Returns a client of a recording: it shows what was, and refuses to act.
    pub fn of_recording(timeline: Timeline) -> Self {
        let (_, events) = mpsc::channel(1);
        Self { side: Side::Past, events, timeline: Arc::new(parking_lot::RwLock::new(timeline)) }
    }

    /// Says whether commands have an effect.
    pub fn is_live(&self) -> bool {
        !matches!(self.side, Side::Past)
    }

    /// Gives a command. Refusals come back as events.
    pub fn send(&self, command: Command) -> io::Result<()> {
        match &self.side {
            Side::Near { controller, id } => {
                controller.execute(*id, command);
                Ok(())
            }
            Side::Far { commands, .. } => commands
                .try_send(command)
                .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the server does not listen any more")),
            Side::Past => Err(io::Error::new(io::ErrorKind::Unsupported, "a recording cannot be changed")),
        }
    }

    /// Waits for the next event; `None` once the server is gone. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> Option<Event> {
        if matches!(self.side, Side::Past) {
            // Nothing will ever come, and that is not an end.
            return std::future::pending().await;
        }
        let event = self.events.recv().await?;
        Some(self.heard(event))
    }

    /// Takes the next event if there is one.
    pub fn try_next(&mut self) -> Option<Event> {
        let event = self.events.try_recv().ok()?;
        Some(self.heard(event))
    }

    /// A client far away keeps its own timeline.
    fn heard(&mut self, event: Event) -> Event {
        if let Side::Far { clock, heard, .. } = &mut self.side {
            *heard = clock.now();
            let mut timeline = self.timeline.write();
            match &event {
                Event::Records(records) => records.iter().for_each(|record| timeline.apply(record.clone())),
                Event::Dropped(dropped) => timeline.set_dropped(*dropped),
                Event::Marked(marker) => timeline.mark(marker.clone()),
                _ => {}
            }
        }
        event
    }

    /// Returns the timeline.
    pub fn timeline(&self) -> &timeline::Shared {
        &self.timeline
    }

    /// Returns the present time of the records' clock.
    pub fn now(&self) -> Nanos {
        match &self.side {
            Side::Near { controller, .. } => controller.clock().now(),
            Side::Far { clock, heard, .. } => self.timeline.read().now() + clock.now().saturating_sub(*heard),
            Side::Past => self.timeline.read().now(),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Side::Near { controller, id } = &self.side {
            controller.detach(*id);
        }
    }
}
