//! How a lesson begins: the server brought to its place, users, objects and extension servers made, breakpoints set.

use control::ports::LabRequest;
use tokio::time;

use crate::{
    expect::Mismatch,
    format::{Breakpoint, Extension, Scenario, Wait},
    request,
    runner::{Done, PATIENCE, POLL, Runner},
};

impl Runner<'_> {
    /// Brings the server to where the first step begins.
    pub(crate) async fn start(&mut self, scenario: &Scenario) -> Done {
        let startup = &scenario.start.startup;
        self.until("the start-up is held", self.patience, |runner| runner.held_span(None).is_some()).await?;
        let stop = startup.pause_at.as_ref().or(startup.run_to.as_ref().filter(|name| *name != "serving"));
        let wait = match stop {
            Some(name) => {
                self.walk(None, &format!("runTo {name}")).await?;
                Wait { paused_at: Some(name.clone()), of: Some("startup".into()), ..Wait::default() }
            }
            None => {
                self.walk(None, "continue").await?;
                Wait { ready: true, ..Wait::default() }
            }
        };
        self.wait(&wait).await?;
        for user in &scenario.start.users {
            let made = self.lab.user(user.name.clone(), user.groups.clone()).await;
            made.map_err(|error| Mismatch::new(format!("user {}", user.name), error.to_string()))?;
        }
        for webhook in &scenario.start.webhooks {
            let wrong = |error: String| Mismatch::new(format!("a webhook server {}", webhook.name), error);
            let behaviour = serde_json::to_value(webhook).map_err(|error| wrong(error.to_string()))?;
            let endpoint = self.lab.webhook(behaviour).await.map_err(|error| wrong(error.to_string()))?;
            self.webhooks.insert(webhook.name.clone(), endpoint);
        }
        for fixture in &scenario.start.apply {
            let object = request::load(fixture, self.source);
            let object = object.and_then(|mut object| request::address(&mut object, &self.webhooks).map(|()| object));
            let creating = object.and_then(|object| request::creating(&object));
            let creating = creating.map_err(|error| Mismatch::new("an object to start with", error))?;
            let answer =
                self.lab.send(creating).await.map_err(|error| Mismatch::new("an answer", error.to_string()))?;
            if answer.code >= 400 {
                return Err(Mismatch::new("an object to start with is there", answer.body.to_string()));
            }
        }
        for extension in &scenario.start.extensions {
            self.extend(extension).await?;
        }
        for Breakpoint { at, when, once, label } in scenario.breakpoints.iter().cloned() {
            let breakpoint = control::breakpoint::Breakpoint { at: Some(at), when, once, label, ..Default::default() };
            let set = self.controller.add_breakpoint(breakpoint);
            set.map_err(|error| Mismatch::new("a breakpoint", error.to_string()))?;
        }
        self.settle().await;
        Ok(())
    }

    /// Starts an extension API server, registers it and waits until the aggregator finds it available.
    async fn extend(&mut self, extension: &Extension) -> Done {
        let wrong = |error: String| Mismatch::new(format!("an extension server for {}", extension.group), error);
        let behaviour = serde_json::to_value(extension).map_err(|error| wrong(error.to_string()))?;
        let endpoint = self.lab.extension(behaviour).await.map_err(|error| wrong(error.to_string()))?;
        for object in request::registering(extension, &endpoint) {
            let creating = request::creating(&object).map_err(wrong)?;
            let answer = self.lab.send(creating).await.map_err(|error| wrong(error.to_string()))?;
            if answer.code >= 400 {
                return Err(wrong(answer.body.to_string()));
            }
        }
        let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{}.{}", extension.version, extension.group);
        let request = LabRequest { method: "GET".into(), path, ..LabRequest::default() };
        let available = async {
            while !self.lab.send(request.clone()).await.is_ok_and(|answer| request::is_available(&answer.body)) {
                time::sleep(POLL).await;
            }
        };
        time::timeout(PATIENCE, available).await.map_err(|_| wrong("it is not available".to_owned()))
    }
}
