//! What a filter answers to a request that it does not let pass, in the form that the client asked for.
//!
//! Go: apiserver/pkg/endpoints/handlers/responsewriters/writers.go ErrorNegotiated

use apimachinery::api::errors::StatusError;
use http::StatusCode;

use crate::{
    endpoints::{
        codec::Codec,
        handlers::respond,
        negotiation::{self, BUILT_IN, Output, Restrictions},
    },
    request::{context::Context, handler::Response, responses},
};

/// Answers with a Status; in JSON where the client would take nothing that is known here.
pub async fn refuse(codec: &dyn Codec, cx: &Context, error: &StatusError) -> Response {
    let output = negotiation::negotiate_output(cx, BUILT_IN, Restrictions::Document).unwrap_or(Output::JSON);
    if output == Output::JSON {
        return responses::status(error);
    }
    match respond::document(codec, cx, &error.to_object(), output).await {
        Ok(mut response) => {
            *response.status_mut() = StatusCode::from_u16(error.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            response
        }
        Err(_) => responses::status(error),
    }
}
