//! Line by line, for screen readers, dumb terminals and logs.
//!
//! Every phase that is stopped at becomes one line, every answer another; commands are letters, as in the other
//! interface, each followed by Enter. Nothing is drawn over, nothing moves.

use std::io::{self, BufRead, Write};

use control::{
    detail::Detail,
    handle::Handle,
    holds::Hold,
    lesson::{self, Lesson, LessonAction},
    ports::Traffic,
    protocol::{Command, Event, Question, Reply},
    stepper::Step,
    texts,
    timeline::trace::{Span, TraceLog},
};
use phase::record::{TraceId, TraceKind};
use tokio::sync::mpsc;

use crate::{
    copy,
    model::{cursor, format, hint::phase_name},
    options::Options,
    words::{Language, Word, fill, word},
};

/// Walks until the input ends or says `q`. Blocks the calling thread, which must not belong to a runtime.
pub fn run(control: Handle, options: Options) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (lines, incoming) = mpsc::channel(16);
    // Reading a terminal cannot be interrupted, so it has a thread that ends with the process.
    std::thread::Builder::new().name("input".to_owned()).spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    })?;
    runtime.block_on(walk(control, &options, incoming, io::stdout()))
}

/// The same with any input and output.
pub async fn walk(
    control: Handle,
    options: &Options,
    mut lines: mpsc::Receiver<String>,
    out: impl Write,
) -> io::Result<()> {
    let mut plain = Plain {
        control,
        language: options.language,
        detail: Detail::default(),
        held: Vec::new(),
        here: None,
        last: None,
        traffic: Traffic::Off,
        questions: 0,
        learning: false,
        told: Vec::new(),
        out,
    };
    plain.say(plain.word(PLAIN_HELP))?;
    loop {
        tokio::select! {
            biased;
            line = lines.recv() => match line {
                Some(line) if line.trim() == "q" => return Ok(()),
                Some(line) => plain.command(line.trim())?,
                None => return plain.drain().await,
            },
            event = plain.control.next() => match event {
                Some(event) => plain.event(event)?,
                None => return Ok(()),
            },
        }
    }
}

const PLAIN_HELP: (&str, &str) = (
    "n next  s into  o out  c let go  A let all go  x explain  d what changed  i EXPR walk requests that match  t traffic  l language  ? help  q quit\nin a lesson: Enter go on  p N answer  h hint  v check  S solution",
    "n 下一步  s 进入  o 跳出  c 放行  A 全部放行  x 说明  d 变化  i 表达式 跟踪匹配的请求  t 流量  l 语言  ? 帮助  q 退出\n课程中：Enter 继续  p N 回答  h 提示  v 检查  S 答案",
);

struct Plain<W> {
    control: Handle,
    language: Language,
    detail: Detail,
    /// Who waits, in the order in which they came.
    held: Vec<Hold>,
    /// The trace that commands are for.
    here: Option<TraceId>,
    /// Where the last step began.
    last: Option<(TraceId, usize)>,
    traffic: Traffic,
    questions: u64,
    /// Whether a lesson is played, and what of it was said last.
    learning: bool,
    told: Vec<String>,
    out: W,
}

impl<W: Write> Plain<W> {
    fn word(&self, (en, zh): (&'static str, &'static str)) -> &'static str {
        if self.language == Language::Zh { zh } else { en }
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// After the input has ended: what is held goes on, and what is still to come is told.
    async fn drain(&mut self) -> io::Result<()> {
        self.send(Command::ContinueAll);
        while let Some(event) = self.control.next().await {
            self.event(event)?;
        }
        Ok(())
    }

    fn send(&mut self, command: Command) {
        // A refusal comes back as an event; a recording refuses everything, which the reader knows.
        let _ = self.control.send(command);
    }

    fn current(&self) -> Option<&Hold> {
        let of = |trace| self.held.iter().find(|hold| hold.trace == trace);
        self.here.and_then(of).or_else(|| self.held.first())
    }

    fn command(&mut self, line: &str) -> io::Result<()> {
        let (letter, rest) = line.split_once(' ').map_or((line, ""), |(letter, rest)| (letter, rest.trim()));
        match letter {
            "" if self.learning => self.lesson(LessonAction::Next),
            "h" if self.learning => self.lesson(LessonAction::Hint),
            "v" if self.learning => self.lesson(LessonAction::Verify),
            "S" if self.learning => self.lesson(LessonAction::Solve),
            "p" if self.learning => match rest.parse::<usize>() {
                Ok(choice) if choice > 0 => self.lesson(LessonAction::Answer(choice - 1)),
                _ => self.say(self.word(PLAIN_HELP)),
            },
            "n" | "" => self.step(Step::Over),
            "s" => self.step(Step::Into),
            "o" => self.step(Step::Out),
            "c" => {
                if let Some(trace) = self.current().map(|hold| hold.trace) {
                    self.send(Command::Continue(trace));
                }
                Ok(())
            }
            "A" => {
                self.send(Command::ContinueAll);
                Ok(())
            }
            "i" => {
                self.send(Command::Intercept((!rest.is_empty()).then(|| rest.to_owned())));
                Ok(())
            }
            "t" => {
                self.questions += 1;
                let wanted = if self.traffic == Traffic::On { Traffic::Off } else { Traffic::On };
                self.send(Command::Ask { id: self.questions, question: Question::Traffic(wanted) });
                Ok(())
            }
            "x" => self.explain(),
            "d" => self.changes(),
            "l" => {
                self.language = self.language.other();
                self.say(self.word(PLAIN_HELP))
            }
            _ => self.say(self.word(PLAIN_HELP)),
        }
    }

    fn step(&mut self, step: Step) -> io::Result<()> {
        let Some(trace) = self.current().map(|hold| hold.trace) else {
            return self.say(word(Word::SaidNothingHeld, self.language));
        };
        self.here = Some(trace);
        self.last = self.current().map(|hold| (trace, (hold.span.0 as usize).saturating_sub(1)));
        self.send(Command::Step { trace, step, detail: self.detail });
        Ok(())
    }

    fn explain(&mut self) -> io::Result<()> {
        let Some(phase) = self.current().map(|hold| hold.phase) else {
            return self.say(word(Word::SaidNothingHeld, self.language));
        };
        let text = texts::of(phase, self.language);
        let bare = |text: &str| text.replace('`', "");
        self.say(&format!("  {}", text.question))?;
        self.say(&format!("  {}", bare(&text.explanation)))?;
        if !text.classic.is_empty() {
            self.say(&format!("  {}: {}", word(Word::Classic, self.language), bare(&text.classic)))?;
        }
        self.say(&format!("  Go: {}", phase.info().go))
    }

    fn changes(&mut self) -> io::Result<()> {
        let lines: Vec<String> = {
            let timeline = self.control.timeline().read_recursive();
            let log = self.current().and_then(|hold| timeline.trace(hold.trace));
            log.map_or_else(Vec::new, |log| self.changed(log))
        };
        if lines.is_empty() {
            return self.say(&format!("  {}", word(Word::NoChanges, self.language)));
        }
        lines.iter().try_for_each(|line| self.say(&format!("  {line}")))
    }

    /// What changed since the phase that was stopped at last.
    fn changed(&self, log: &TraceLog) -> Vec<String> {
        let step = cursor::newest(log);
        let Some((_, now)) = log.state_at(step) else { return Vec::new() };
        let before = self.last.filter(|(trace, _)| *trace == log.id()).map(|(_, step)| step);
        let old = before.and_then(|step| log.state_of_kind(step, &|kind| kind == now.kind));
        let old = old.map_or(serde_json::Value::Null, |(_, state)| state.to_value());
        control::diff::changes(&old, &now.to_value()).iter().map(change_line).collect()
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Held(hold) => self.on_held(*hold),
            Event::Released(trace) => {
                self.held.retain(|hold| hold.trace != trace);
                Ok(())
            }
            Event::Records(_) => Ok(()),
            Event::Serving(launched) => {
                self.say(&copy::kubeconfig(&launched.kubeconfig.display().to_string()))?;
                self.say(word(Word::NoPods, self.language))
            }
            Event::Traffic(traffic) => {
                self.traffic = traffic;
                Ok(())
            }
            Event::Intercepting(Some(when)) => self.say(&fill(word(Word::SaidIntercept, self.language), &[&when])),
            Event::Intercepting(None) => self.say(word(Word::SaidInterceptOff, self.language)),
            Event::Met { message, .. } | Event::Refused(message) => self.say(&message),
            Event::Dropped(lost) => self.say(&fill(word(Word::Dropped, self.language), &[&lost.to_string()])),
            Event::Passed(passed) => self.say(&fill(word(Word::Passed, self.language), &[&passed.to_string()])),
            Event::Lesson(lesson) => self.tell(&lesson),
            Event::Log(line) => self.say(&format!("{} {}", line.level, line.message)),
            Event::Reply { reply: Err(error), .. } => self.say(&error.to_string()),
            Event::Reply { reply: Ok(Reply::Sent(sent)), .. } => self.say(&sent.code.to_string()),
            Event::Reply { .. } | Event::Breakpoints(_) | Event::Marked(_) => Ok(()),
        }
    }

    fn lesson(&mut self, action: LessonAction) -> io::Result<()> {
        self.questions += 1;
        self.send(Command::Ask { id: self.questions, question: Question::Lesson(action) });
        Ok(())
    }

    /// Says of a lesson what was not said before.
    fn tell(&mut self, lesson: &Lesson) -> io::Result<()> {
        self.learning = !lesson.finished;
        let lines = lesson_lines(lesson, self.language);
        if lines.first() != self.told.first() {
            self.told.clear();
        }
        for line in lines.iter().filter(|line| !self.told.contains(line)).cloned().collect::<Vec<_>>() {
            self.say(&line)?;
        }
        self.told = lines;
        Ok(())
    }

    fn on_held(&mut self, hold: Hold) -> io::Result<()> {
        let line = {
            let timeline = self.control.timeline().read_recursive();
            let log = timeline.trace(hold.trace);
            let own = log.and_then(last_over).map_or(String::new(), |(name, time)| format!("  ({name} {time})"));
            let name = phase_name(hold.phase.name(), hold.label.as_deref());
            let held = word(Word::Held, self.language);
            let what = match hold.kind {
                TraceKind::Startup => word(Word::StartUp, self.language).to_owned(),
                _ => format!("#{} {}", hold.trace.0, log.map_or("", TraceLog::title)),
            };
            format!("{held}: {name}  {what}{own}")
        };
        match self.held.iter_mut().find(|known| known.trace == hold.trace) {
            Some(known) => *known = hold,
            None => self.held.push(hold),
        }
        self.say(&line)
    }
}

/// The phase that ended last, and its own time.
fn last_over(log: &TraceLog) -> Option<(&'static str, String)> {
    let over = log.spans().iter().enumerate().filter(|(_, span)| span.exited().is_some());
    let (index, span) = over.max_by_key(|(_, span)| span.exited())?;
    Some((Span::phase(span).name(), format::duration(log.own_time(index)?)))
}

fn change_line(change: &control::diff::Change) -> String {
    let shown = |value: &Option<serde_json::Value>| value.as_ref().map_or(String::new(), crate::highlight::inline);
    match change.sign() {
        '~' => format!("~ {}: {} -> {}", change.path, shown(&change.before), shown(&change.after)),
        '-' => format!("- {}: {}", change.path, shown(&change.before)),
        _ => format!("+ {}: {}", change.path, shown(&change.after)),
    }
}

/// A lesson as it stands, line by line.
fn lesson_lines(lesson: &Lesson, language: Language) -> Vec<String> {
    let text = |texts| lesson::text(texts, language.code()).trim_end().to_owned();
    let mut lines = vec![format!("[{}/{}] {}", lesson.step, lesson.steps, text(&lesson.title)), text(&lesson.say)];
    lines.extend((!lesson.command.is_empty()).then(|| format!("$ {}", lesson.command)));
    if let Some(predict) = &lesson.predict {
        lines.push(format!("{}: {}", word(Word::Predict, language), text(&predict.ask)));
        lines.extend(
            predict.choices.iter().enumerate().map(|(index, choice)| format!("  {}) {}", index + 1, text(choice))),
        );
        lines.extend(predict.chosen.map(|chosen| format!("  > {}", chosen + 1)));
        lines.extend(predict.answer.map(|answer| format!("  = {}", answer + 1)));
    }
    lines.push(text(&lesson.task));
    lines.extend(lesson.hints.iter().map(|hint| format!("  {}", text(hint))));
    lines.extend(lesson.checks.iter().map(|check| {
        let sign = match check.passed {
            Some(true) => "x",
            Some(false) => "!",
            None => " ",
        };
        format!("  [{sign}] {} {}", text(&check.text), check.message).trim_end().to_owned()
    }));
    lines.push(text(&lesson.explain));
    lines.extend(lesson.waits.then(|| word(Word::LessonEnter, language).to_owned()));
    lines.extend(lesson.finished.then(|| word(Word::LessonDone, language).to_owned()));
    lines.retain(|line| !line.is_empty());
    lines
}
