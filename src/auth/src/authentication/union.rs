//! Several authenticators as one: the first that recognises someone wins.
//!
//! Go: apiserver/pkg/authentication/request/union/union.go, apiserver/pkg/authentication/token/union/union.go
//!
//! This is where the phase of each authenticator is entered; they themselves know nothing of it.

use std::sync::Arc;

use apimachinery::validation::field;
use phase::{BoxFuture, catalog::Phase, snapshot::Nothing, trace::Trace};

use crate::authentication::{Authenticator, Error, Outcome, Request, TokenAuthenticator};

/// What happens when a member says that a credential is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The others are asked; if none recognises anyone, the errors are reported together.
    Continue,
    /// Nobody else is asked.
    Fail,
}

/// Asks its members in order.
///
/// Go: apiserver/pkg/authentication/request/union/union.go unionAuthRequestHandler
pub struct Union {
    members: Vec<Arc<dyn Authenticator>>,
    on_error: OnError,
}

impl Union {
    /// Puts authenticators together.
    ///
    /// Go: apiserver/pkg/authentication/request/union/union.go New, NewFailOnError
    pub fn new(members: Vec<Arc<dyn Authenticator>>, on_error: OnError) -> Self {
        Self { members, on_error }
    }
}

impl Authenticator for Union {
    fn name(&self) -> &'static str {
        ""
    }

    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let mut errors = Vec::new();
            for member in &self.members {
                match observed(request.trace, member.name(), member.authenticate_request(request)).await {
                    Ok(None) => {}
                    Ok(found) => return Ok(found),
                    Err(error) if self.on_error == OnError::Fail => return Err(error),
                    Err(error) => errors.push(error),
                }
            }
            aggregate(errors)
        })
    }
}

/// The same for tokens. Always asks the others after an error.
///
/// Go: apiserver/pkg/authentication/token/union/union.go unionAuthTokenHandler
pub struct TokenUnion {
    members: Vec<Arc<dyn TokenAuthenticator>>,
}

impl TokenUnion {
    /// Puts token authenticators together.
    pub fn new(members: Vec<Arc<dyn TokenAuthenticator>>) -> Self {
        Self { members }
    }
}

impl TokenAuthenticator for TokenUnion {
    fn name(&self) -> &'static str {
        ""
    }

    fn authenticate_token<'a>(&'a self, token: &'a str, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let mut errors = Vec::new();
            for member in &self.members {
                match observed(request.trace, member.name(), member.authenticate_token(token, request)).await {
                    Ok(None) => {}
                    Ok(found) => return Ok(found),
                    Err(error) => errors.push(error),
                }
            }
            aggregate(errors)
        })
    }
}

/// Awaits one member inside its phase. A member without a name is a group, whose members have phases of their own.
async fn observed(trace: &Trace, name: &'static str, work: BoxFuture<'_, Outcome>) -> Outcome {
    if name.is_empty() {
        return work.await;
    }
    let phase = trace
        .enter_labelled(Phase::Authenticator, name, &mut Nothing)
        .await
        .map_err(|interrupted| Error(interrupted.to_string()))?;
    let outcome = work.await;
    match &outcome {
        Ok(Some(response)) => phase.exit(&response.user),
        Ok(None) => phase.done(),
        Err(error) => phase.fail(error),
    }
    outcome
}

fn aggregate(errors: Vec<Error>) -> Outcome {
    if errors.is_empty() {
        return Ok(None);
    }
    Err(Error(field::aggregate(errors.into_iter().map(|Error(text)| text))))
}
