//! The task of a lesson: what is told, what is to be done, what holds already, a question to answer.

use control::lesson::{self, Lesson};
use ratatui::{buffer::Buffer, layout::Rect};

use super::paint::{self, Line, put};
use crate::{model::Model, theme::Role, words::Word};

/// Draws the task.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    paint::frame(model, area, false, buffer);
    let limit = area.right() - 1;
    let x = put(buffer, area.x + 2, area.y, limit, &format!(" {} ", model.word(Word::Task)), model.style(Role::Quiet));
    let inner = super::inner(area);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(lesson) = &model.lesson else {
        paint::line(model, buffer, inner, 0, &[(model.word(Word::SaidNoLesson).to_owned(), Role::Quiet)]);
        return;
    };
    let title = lesson::text(&lesson.title, model.look.language.code());
    put(buffer, x, area.y, limit, &format!("{title}  {}/{} ", lesson.step, lesson.steps), model.style(Role::Strong));
    let lines = lines(model, lesson, usize::from(inner.width));
    for (row, line) in lines.iter().take(usize::from(inner.height)).enumerate() {
        paint::line(model, buffer, inner, row as u16, line);
    }
}

/// Returns the task as lines.
pub fn lines(model: &Model, lesson: &Lesson, width: usize) -> Vec<Line> {
    let language = model.look.language.code();
    let text = |texts| lesson::text(texts, language);
    let mut lines: Vec<Line> = Vec::new();
    let mut block = |content: &str, role: Role| {
        if !content.is_empty() {
            lines.extend(paint::paragraph(content, width, role));
            lines.push(Vec::new());
        }
    };
    block(text(&lesson.say), Role::Text);
    block(text(&lesson.task), Role::Strong);
    if !lesson.command.is_empty() {
        block(&format!("{}: {}", model.word(Word::ByHand), lesson.command), Role::Good);
    }
    for hint in &lesson.hints {
        block(text(hint), Role::Warn);
    }
    block(text(&lesson.explain), Role::Accent);
    lines.extend(checks(model, lesson, width));
    lines.extend(question(model, lesson, width));
    let foot = if lesson.finished {
        model.word(Word::LessonDone).to_owned()
    } else if lesson.waits && lesson.predict.as_ref().is_some_and(|predict| predict.answer.is_none()) {
        model.word(Word::LessonAnswer).to_owned()
    } else if lesson.waits {
        model.word(Word::LessonNext).to_owned()
    } else if lesson.task.is_empty() {
        String::new()
    } else {
        model.sentence(Word::HintsLeft, &[&lesson.hints_left.to_string()])
    };
    lines.push(Vec::new());
    lines.extend(paint::paragraph(&foot, width, Role::Quiet));
    lines
}

fn checks(model: &Model, lesson: &Lesson, width: usize) -> Vec<Line> {
    let signs = &model.look.signs;
    let mut lines = Vec::new();
    for check in &lesson.checks {
        let (sign, role) = match check.passed {
            Some(true) => (signs.done, Role::Good),
            Some(false) => (signs.failed, Role::Bad),
            None => (" ", Role::Quiet),
        };
        let text = lesson::text(&check.text, model.look.language.code()).to_owned();
        for (row, mut line) in paint::paragraph(&text, width.saturating_sub(4), Role::Text).into_iter().enumerate() {
            line.insert(0, if row == 0 { (format!("[{sign}] "), role) } else { ("    ".to_owned(), Role::Text) });
            lines.push(line);
        }
        if check.passed == Some(false) && !check.message.is_empty() {
            lines.extend(paint::paragraph(&check.message, width.saturating_sub(4), Role::Bad));
        }
    }
    lines
}

fn question(model: &Model, lesson: &Lesson, width: usize) -> Vec<Line> {
    let Some(predict) = &lesson.predict else { return Vec::new() };
    let signs = &model.look.signs;
    let mut lines = vec![Vec::new()];
    let ask = lesson::text(&predict.ask, model.look.language.code());
    lines.extend(paint::paragraph(&format!("{}  {ask}", model.word(Word::Predict)), width, Role::Accent));
    for (index, choice) in predict.choices.iter().enumerate() {
        let role = match (predict.answer, predict.chosen) {
            (Some(answer), _) if answer == index => Role::Good,
            (Some(_), Some(chosen)) if chosen == index => Role::Bad,
            (None, Some(chosen)) if chosen == index => Role::Selected,
            _ => Role::Text,
        };
        let choice = lesson::text(choice, model.look.language.code()).to_owned();
        let sign = match (predict.answer, predict.chosen) {
            (Some(answer), _) if answer == index => signs.done,
            (Some(_), Some(chosen)) if chosen == index => signs.failed,
            (None, Some(chosen)) if chosen == index => signs.current,
            _ => " ",
        };
        lines.push(vec![(format!("{sign} {}) ", index + 1), Role::Key), (choice, role)]);
    }
    lines
}
