//! Tokens that stand in a file, and the server's own.
//!
//! Go: apiserver/pkg/authentication/token/tokenfile/tokenfile.go

use std::{collections::BTreeMap, fs, path::Path};

use phase::BoxFuture;

use crate::{
    authentication::{Outcome, Request, Response, TokenAuthenticator},
    user,
};

/// Users by token.
///
/// Go: apiserver/pkg/authentication/token/tokenfile/tokenfile.go TokenAuthenticator
pub struct TokenFile {
    name: &'static str,
    users: BTreeMap<String, user::Info>,
}

impl TokenFile {
    /// Knows just these tokens, under a name of its own.
    pub fn with_tokens(name: &'static str, users: BTreeMap<String, user::Info>) -> Self {
        Self { name, users }
    }

    /// Reads `token,user,uid[,"group1,group2"]`, one a line.
    ///
    /// Go: apiserver/pkg/authentication/token/tokenfile/tokenfile.go NewCSV
    pub fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("open {shown}: {error}"))?;
        let mut users = BTreeMap::new();
        for (index, record) in records(&text).into_iter().enumerate() {
            let [token, name, uid, rest @ ..] = record.as_slice() else {
                return Err(format!(
                    "token file '{shown}' must have at least 3 columns (token, user name, user uid), found {}",
                    record.len()
                ));
            };
            let number = index + 1;
            if token.is_empty() {
                tracing::warn!("empty token has been found in token file '{shown}', record number '{number}'");
                continue;
            }
            let groups = rest.first().map(|groups| groups.split(',').map(str::to_owned).collect()).unwrap_or_default();
            let user = user::Info { name: name.clone(), uid: uid.clone(), groups, extra: BTreeMap::new() };
            if users.insert(token.clone(), user).is_some() {
                tracing::warn!("duplicate token has been found in token file '{shown}', record number '{number}'");
            }
        }
        Ok(Self { name: "token-file", users })
    }
}

impl TokenAuthenticator for TokenFile {
    fn name(&self) -> &'static str {
        self.name
    }

    fn authenticate_token<'a>(&'a self, token: &'a str, _request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { Ok(self.users.get(token).cloned().map(Response::new)) })
    }
}

/// Splits comma separated values into records. A field in quotes may contain commas, and `""` for a quote.
///
/// Simplified: a quoted field ends at the end of its line; Go lets it go on over several.
fn records(text: &str) -> Vec<Vec<String>> {
    text.lines().filter(|line| !line.is_empty()).map(record).collect()
}

fn record(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.next_if_eq(&'"').is_some() => field.push('"'),
            (true, '"') => quoted = false,
            (false, '"') if field.is_empty() => quoted = true,
            (false, ',') => fields.push(std::mem::take(&mut field)),
            (_, c) => field.push(c),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_one_quoted_field() {
        assert_eq!(
            records("t,bob,uid,\"devs,\"\"testers\"\"\"\n\nx,dave,\n"),
            [vec!["t", "bob", "uid", "devs,\"testers\""], vec!["x", "dave", ""]]
        );
    }

    #[test]
    fn a_line_with_too_few_columns_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("file");
        fs::write(file.path(), "token,user\n").expect("written");
        let error = TokenFile::open(file.path()).err().expect("refused");
        assert!(error.ends_with("must have at least 3 columns (token, user name, user uid), found 2"), "{error}");
    }
}
