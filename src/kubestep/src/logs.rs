//! Where log lines go: to a person at a terminal, or into the interface while it is up.

use std::{env, fmt::Write as _, io::IsTerminal, sync::Arc};

use control::{controller::Controller, protocol::LogLine};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{EnvFilter, Layer, layer::Context, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// `RUST_LOG` chooses which lines.
fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into())
}

/// Lines on standard error, without colours elsewhere.
pub fn to_stderr() {
    let color = std::io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_writer(std::io::stderr)
        // A line that cannot be written, on a full disk, is lost. To say so on the same stream would panic.
        .log_internal_errors(false)
        .with_ansi(color)
        .init();
}

/// Lines for the interface: the screen is its own.
pub fn to_interface(controller: &Arc<Controller>) {
    tracing_subscriber::registry().with(filter()).with(ToInterface(controller.clone())).init();
}

struct ToInterface(Arc<Controller>);

impl<S: Subscriber> Layer<S> for ToInterface {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let metadata = event.metadata();
        self.0.log(LogLine {
            at: self.0.clock().now(),
            level: metadata.level().to_string(),
            target: metadata.target().to_owned(),
            message: text.0,
        });
    }
}

/// The message, then the other fields as `name=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let written = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
        written.unwrap_or_default();
    }
}
