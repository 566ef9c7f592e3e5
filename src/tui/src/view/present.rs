//! The presentation: the way of a request as one large picture, for a room.

use control::timeline::{
    Timeline,
    trace::{End, Standing, TraceLog},
};
use phase::{catalog::Phase, record::TraceKind};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    chain,
    paint::{self, put},
};
use crate::{
    model::{
        Model,
        chain::{Made, Place},
        cursor,
    },
    theme::Role,
    width,
};

/// A station of the line: a phase and its name on the picture.
type Station = (Phase, &'static str);

const FILTERS: &[Station] = &[
    (Phase::RequestInfo, "info"),
    (Phase::Authentication, "AUTHN"),
    (Phase::Audit, "audit"),
    (Phase::Impersonation, "impersonate"),
    (Phase::PriorityAndFairness, "fairness"),
    (Phase::Authorization, "AUTHZ"),
];

const WRITE: &[Station] = &[
    (Phase::DecodeBody, "decode"),
    (Phase::MutatingAdmission, "MUTATE"),
    (Phase::Validate, "validate"),
    (Phase::ValidatingAdmission, "ADMIT"),
    (Phase::StorageCreate, "STORE"),
    (Phase::SerializeObject, "answer"),
];

const READ: &[Station] =
    &[(Phase::CacherGetList, "CACHE"), (Phase::KVRange, "STORE"), (Phase::SerializeObject, "answer")];

const STAGES: &[Station] = &[
    (Phase::GenericConfigDefaults, "config"),
    (Phase::ConfigureStorage, "STORAGE"),
    (Phase::ConfigureAuthentication, "AUTHN"),
    (Phase::ConfigureAuthorization, "AUTHZ"),
    (Phase::ConfigureAdmission, "ADMISSION"),
    (Phase::CompleteConfig, "complete"),
];

const SERVING: &[Station] = &[
    (Phase::CreateServerChain, "CREATE CHAIN"),
    (Phase::PrepareRun, "prepare"),
    (Phase::Serve, "SERVE"),
    (Phase::RunPostStartHooks, "hooks"),
    (Phase::Ready, "READY"),
];

/// Draws the picture.
pub fn draw(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    paint::frame(model, area, false, buffer);
    let inner = super::inner(area);
    let Some(log) = model.log(timeline) else { return };
    let startup = matches!(log.kind(), TraceKind::Startup | TraceKind::Shutdown);
    let writes = matches!(log.fact("verb"), Some("create" | "update" | "patch"));
    let (top, bottom) = match (startup, writes) {
        (true, _) => (STAGES, SERVING),
        (false, true) => (FILTERS, WRITE),
        (false, false) => (FILTERS, READ),
    };
    // Two lines of stations with the servers between them, in the middle of the height.
    let gap = (inner.height.saturating_sub(8) / 4).clamp(1, 4);
    let used = 2 + SERVER_ROWS + 2 * gap;
    let mut y = inner.y + inner.height.saturating_sub(used) / 2;
    let legend = if startup { "kubestep" } else { "kubectl" };
    stations(model, log, legend, top, inner, y, buffer);
    arrow(model, inner, y + gap.div_ceil(2), buffer);
    y += 1 + gap;
    servers(model, timeline, inner, y, buffer);
    y += SERVER_ROWS + gap;
    arrow(model, inner, y.saturating_sub(gap / 2 + 1), buffer);
    if y < inner.bottom() {
        stations(model, log, "", bottom, inner, y, buffer);
    }
}

/// Rows of a server's box and of what stands below it.
const SERVER_ROWS: u16 = 5;

fn arrow(model: &Model, inner: Rect, y: u16, buffer: &mut Buffer) {
    put(buffer, inner.x + inner.width / 2, y, inner.right(), model.look.signs.opened, model.style(Role::Faint));
}

/// Draws stations on a line, spread over the width.
fn stations(
    model: &Model,
    log: &TraceLog,
    legend: &str,
    stations: &[Station],
    inner: Rect,
    y: u16,
    buffer: &mut Buffer,
) {
    let step = model.cursor.step(log);
    let names: usize = stations.iter().map(|(_, name)| width::cells(name) + 4).sum();
    let room = usize::from(inner.width).saturating_sub(names + legend.len() + 4);
    let link = (room / stations.len().max(1)).clamp(1, 8);
    let line = model.look.signs.line.repeat(link);
    let used = names + link * stations.len() + legend.len() + 1;
    let mut x = inner.x + (usize::from(inner.width).saturating_sub(used) / 2) as u16;
    x = put(buffer, x, y, inner.right(), legend, model.style(Role::Strong));
    for (index, (phase, name)) in stations.iter().enumerate() {
        let at = log.spans().iter().position(|span| span.phase() == *phase);
        let standing = at.map_or(Standing::Ahead, |at| log.standing(at, step));
        let here = at.is_some() && at == within(log, step, stations);
        let held = here && model.holds.contains_key(&log.id()) && step == cursor::newest(log);
        let (sign, role) = match standing {
            _ if held => (model.look.signs.current, Role::HeldBadge),
            _ if here => (model.look.signs.current, Role::Accent),
            Standing::Over(End::Failed) => (model.look.signs.failed, Role::Bad),
            Standing::Over(_) | Standing::Open => (model.look.signs.done, Role::Good),
            Standing::Ahead => (" ", Role::Faint),
        };
        if index > 0 || !legend.is_empty() {
            x = put(buffer, x, y, inner.right(), &line, model.style(Role::Faint));
        }
        x = put(buffer, x, y, inner.right(), &format!("({sign}{name} )"), model.style(role));
    }
}

/// The station that the current step lies in: the last one that was entered.
fn within(log: &TraceLog, step: usize, stations: &[Station]) -> Option<usize> {
    let entered = &log.spans()[..log.spans().len().min(step + 1)];
    let last = entered.iter().rposition(|span| stations.iter().any(|(phase, _)| *phase == span.phase()))?;
    log.encloses(last, step).then_some(last)
}

fn servers(model: &Model, timeline: &Timeline, inner: Rect, y: u16, buffer: &mut Buffer) {
    let parts = chain::parts(model, timeline);
    let held = model.current_hold().is_some();
    let [line, side, top_left, top_right, bottom_right, bottom_left] = model.look.signs.frame;
    let servers: Vec<_> = parts.iter().filter(|part| part.place != Place::Filters).collect();
    let width = usize::from(inner.width.saturating_sub(4)) / servers.len().max(1);
    let box_width = width.saturating_sub(6).min(26);
    let used = servers.len() * box_width + (servers.len() - 1) * 6;
    let mut x = inner.x + (usize::from(inner.width).saturating_sub(used) / 2) as u16;
    for (index, part) in servers.iter().enumerate() {
        let style = model.style(part.role(held));
        let bar = line.repeat(box_width.saturating_sub(2));
        let centre = |text: &str| {
            let text = width::clip(text, box_width.saturating_sub(4));
            let space = box_width.saturating_sub(2 + width::cells(&text));
            format!("{}{text}{}", " ".repeat(space / 2), " ".repeat(space - space / 2))
        };
        let name_role = match (part.here, part.made) {
            (true, _) => part.role(held),
            (_, Made::NotYet) => Role::Faint,
            _ => Role::Strong,
        };
        let asks = if part.place == Place::NotFound { String::new() } else { part.asks.clone() };
        let rows = [("", Role::Quiet), (part.name, name_role), (asks.as_str(), Role::Quiet)];
        put(buffer, x, y, inner.right(), &format!("{top_left}{bar}{top_right}"), style);
        for (row, (text, role)) in rows.iter().enumerate().skip(1) {
            let y = y + row as u16;
            put(buffer, x, y, inner.right(), side, style);
            put(buffer, x + 1, y, inner.right(), &centre(text), model.style(*role));
            put(buffer, x + box_width as u16 - 1, y, inner.right(), side, style);
        }
        put(buffer, x, y + 3, inner.right(), &format!("{bottom_left}{bar}{bottom_right}"), style);
        let ids: Vec<String> = part.requests.iter().take(4).map(|id| format!("#{}", id.0)).collect();
        put(buffer, x + 1, y + 4, x + box_width as u16, &ids.join(" "), model.style(Role::Held));
        x += box_width as u16;
        if index + 1 < servers.len() {
            let arrow = format!(" {}{} ", line.repeat(3), model.look.signs.right);
            put(buffer, x, y + 1, inner.right(), &arrow, model.style(Role::Quiet));
            x += 6;
        }
    }
}
