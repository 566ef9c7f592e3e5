//! Options in a query string, read as Go converts them.
//!
//! Go: apimachinery/pkg/runtime/conversion.go, apimachinery/pkg/conversion/queryparams

use crate::{api::errors::StatusError, util::strconv};

/// The decoded pairs of a query string, in their order. A parameter that is given twice counts once, the first.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a>(pub &'a [(String, String)]);

impl<'a> Query<'a> {
    /// Returns every value of a parameter.
    pub fn all(self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    /// Returns the first value; `None` if the parameter is absent.
    pub fn first(self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the first value; empty if the parameter is absent.
    pub fn string(self, name: &str) -> String {
        self.first(name).unwrap_or_default().to_owned()
    }

    /// Returns a truth value; `None` if the parameter is absent. Only `0` and `false` are false.
    ///
    /// Go: Convert_Slice_string_To_Pointer_bool
    pub fn optional_bool(self, name: &str) -> Option<bool> {
        self.first(name).map(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// Returns a truth value; false if the parameter is absent.
    ///
    /// Go: Convert_Slice_string_To_bool
    pub fn bool(self, name: &str) -> bool {
        self.optional_bool(name).unwrap_or_default()
    }

    /// Returns a number; `None` if the parameter is absent. What is no number is a bad request.
    ///
    /// Go: Convert_Slice_string_To_Pointer_int64
    pub fn int64(self, name: &str) -> Result<Option<i64>, StatusError> {
        let number = self.first(name).map(strconv::parse_int).transpose();
        number.map_err(StatusError::new_bad_request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_words_are_false() {
        let pairs: Vec<(String, String)> = [("a", "0"), ("b", "FALSE"), ("c", ""), ("d", "no"), ("a", "1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let query = Query(&pairs);
        assert_eq!(["a", "b", "c", "d", "e"].map(|name| query.bool(name)), [false, false, true, true, false]);
        assert_eq!((query.optional_bool("e"), query.all("a").len()), (None, 2));
        assert_eq!(query.int64("a"), Ok(Some(0)));
        let error = query.int64("d").expect_err("no number");
        assert_eq!((error.code, error.message.as_str()), (400, "strconv.ParseInt: parsing \"no\": invalid syntax"));
    }
}
