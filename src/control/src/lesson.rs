//! What a lesson shows beside the walk: the text, the task, its checks, a prediction to make.
//!
//! The player of scenarios sends a [`Lesson`] whenever it changes and takes [`LessonAction`]s back
//! through the [`crate::ports::Teacher`] port. The interface draws it and knows nothing of scenario files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A text in several languages, by language code.
pub type Localised = BTreeMap<String, String>;

/// Returns a text in a language, or in English, or in whatever language there is.
pub fn text<'a>(texts: &'a Localised, language: &str) -> &'a str {
    texts.get(language).or_else(|| texts.get("en")).or_else(|| texts.values().next()).map_or("", String::as_str)
}

/// The lesson as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lesson {
    /// Its identity.
    pub id: String,
    /// Its title.
    pub title: Localised,
    /// Which step, counted from 1.
    pub step: usize,
    /// Of how many.
    pub steps: usize,
    /// What is told at this step.
    pub say: Localised,
    /// What is to be done.
    pub task: Localised,
    /// What is looked at to say whether it is done.
    pub checks: Vec<Check>,
    /// The hints that were asked for.
    pub hints: Vec<Localised>,
    /// How many more there are.
    pub hints_left: usize,
    /// A question to answer before going on.
    pub predict: Option<Predict>,
    /// What is explained once the step is done.
    pub explain: Localised,
    /// A command that does by hand what this step does.
    pub command: String,
    /// Whether it waits until the learner goes on.
    pub waits: bool,
    /// Whether the whole lesson is done.
    pub finished: bool,
}

/// One thing that is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What.
    pub text: Localised,
    /// Whether it holds; `None` before it was looked at.
    pub passed: Option<bool>,
    /// Why not.
    pub message: String,
}

/// A question with its possible answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Predict {
    /// The question.
    pub ask: Localised,
    /// The answers to choose from.
    pub choices: Vec<Localised>,
    /// The chosen one.
    pub chosen: Option<usize>,
    /// The right one, once the run has shown it.
    pub answer: Option<usize>,
}

/// What a learner does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LessonAction {
    /// Goes on to the next step.
    Next,
    /// Asks for a hint.
    Hint,
    /// Asks whether the task is done.
    Verify,
    /// Asks for the solution to be carried out.
    Solve,
    /// Answers a prediction.
    Answer(usize),
}
