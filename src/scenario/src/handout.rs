//! A lesson as a text to hand out, in Markdown: what is told, asked and done, and what came of it.

use crate::{
    format::{Scenario, Step},
    library::Source,
    report::{Report, StepReport},
    request,
    text::Text,
};

/// The words around a lesson's own, in a language.
struct Words {
    question: &'static str,
    answer: &'static str,
    task: &'static str,
    hint: &'static str,
    solution: &'static str,
    phases: &'static str,
    held: &'static str,
}

const ENGLISH: Words = Words {
    question: "Question",
    answer: "Answer",
    task: "Task",
    hint: "Hint",
    solution: "A solution",
    phases: "Phases",
    held: "held at",
};

const CHINESE: Words = Words {
    question: "问题",
    answer: "答案",
    task: "任务",
    hint: "提示",
    solution: "参考答案",
    phases: "阶段",
    held: "停在",
};

/// Returns the handout of a replay.
pub fn of(source: &Source, scenario: &Scenario, report: &Report, language: &str) -> String {
    let words = if language == "zh" { &CHINESE } else { &ENGLISH };
    let mut out = format!("# {}\n", scenario.metadata.title.get(language));
    for step in &scenario.steps {
        let done = report.steps.iter().find(|done| done.id == step.id);
        out += &section(source, step, done, words, language);
    }
    if let Some(finish) = &scenario.finish {
        out += &format!("\n---\n\n{}\n", finish.say.get(language));
    }
    out
}

fn section(source: &Source, step: &Step, done: Option<&StepReport>, words: &Words, language: &str) -> String {
    let mut out = format!("\n## {}\n", step.id);
    let mut paragraph = |text: String| out += &format!("\n{text}\n");
    let told = |text: &Option<Text>| text.as_ref().map(|text| text.get(language).to_owned());
    told(&step.say).into_iter().for_each(&mut paragraph);
    if let Some(predict) = &step.predict {
        let choices: Vec<String> = predict.choices.iter().map(|choice| format!("- {}", choice.get(language))).collect();
        paragraph(format!("**{}** {}\n\n{}", words.question, predict.ask.get(language), choices.join("\n")));
    }
    let command = |action| Some(request::by_hand(action, source)).filter(|command| !command.is_empty());
    step.action.as_ref().and_then(command).into_iter().for_each(|command| paragraph(shell(&command)));
    if let Some(task) = told(&step.task) {
        paragraph(format!("**{}** {task}", words.task));
        let hints: Vec<String> =
            step.hints.iter().map(|hint| format!("- {}: `{}`", words.hint, hint.get(language))).collect();
        paragraph(hints.join("\n"));
        let solution: Vec<String> = step.solve.iter().filter_map(command).collect();
        paragraph(format!("**{}**\n\n{}", words.solution, shell(&solution.join("\n"))));
    }
    if let Some(done) = done {
        let code = done.code.map(|code| format!("`{code}`"));
        let held = done.held_at.as_ref().map(|phase| format!("{} `{phase}`", words.held));
        let result = [code, held].into_iter().flatten().collect::<Vec<_>>().join(", ");
        if !result.is_empty() {
            paragraph(format!("→ {result}"));
        }
        if !done.phases.is_empty() {
            paragraph(format!("{}: {}", words.phases, done.phases.join(" › ")));
        }
        let right = step.predict.as_ref().zip(done.prediction.as_ref());
        if let Some((predict, right)) = right {
            let right = predict.choices.iter().find(|choice| choice.get("en") == right);
            paragraph(format!("**{}** {}", words.answer, right.map_or("", |choice| choice.get(language))));
        }
    }
    told(&step.explain).into_iter().for_each(&mut paragraph);
    out
}

fn shell(commands: &str) -> String {
    format!("```sh\n{commands}\n```")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_told_and_what_came_of_it() {
        let text = "apiVersion: kubestep.dev/v1alpha1\nkind: Scenario\nmetadata: {id: a, title: {en: A, zh: 甲}}\n\
                    steps:\n- id: one\n  say: {en: Look., zh: 看。}\n  do: {get: /version, user: dev}\n\
                    \x20 explain: {en: So it is., zh: 就是这样。}\n";
        let scenario = crate::lint::read("a.yaml", text).expect("a scenario");
        let step =
            StepReport { id: "one".into(), code: Some(200), phases: vec!["route".into()], ..StepReport::default() };
        let report = Report { steps: vec![step], ..Report::default() };
        let handout = of(&Source::inline("a.yaml", text), &scenario, &report, "zh");
        let expected = "# 甲\n\n## one\n\n看。\n\n```sh\nkubectl get --raw '/version' --context dev\n```\n\n→ `200`\n\n\
                        阶段: route\n\n就是这样。\n";
        assert_eq!(handout, expected);
    }
}
