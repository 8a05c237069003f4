//! What is wrong with a request, as it is told: which field, and what was expected.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;
use tidegate_faults::{did_you_mean, excerpt};

/// A request that is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    field: String,
    message: String,
}

impl Problem {
    fn new(status: StatusCode, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, field: field.into(), message: message.into() }
    }

    /// A field says something else than was expected.
    pub(super) fn wrong(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, field, message)
    }

    /// There is no such thing.
    pub(super) fn unknown(field: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, field, message)
    }

    /// Not now.
    pub(super) fn unavailable(field: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, field, message)
    }

    /// No name among those that are known.
    pub(super) fn unknown_name<'a>(
        field: &str,
        what: &str,
        found: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        // Each name is compared with what may be a long text: no more are than take no time worth speaking of.
        const MOST: usize = 1_000;
        let meant = if found.len() <= 100 { did_you_mean(found, known.take(MOST)) } else { String::new() };
        Self::unknown(field, format!("no {what} is named `{}`{meant}", excerpt(found)))
    }

    /// Whoever asks has not shown the token.
    pub(super) fn stranger() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authorization",
            "expected `Authorization: Bearer` and the admin token",
        )
    }

    /// The path is right and the method is not.
    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this path has other methods; see `Allow`")
    }

    /// What was asked for could not be kept, and so was not done.
    pub(super) fn unwritten(error: &anyhow::Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "admin.plans_file", format!("{error:#}"))
    }

    /// It was this side's fault.
    pub(super) fn failed(what: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, what, "it could not be made")
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::wrong("query", rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "field": self.field, "message": self.message } });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A body of JSON.
pub(super) fn parse<T: DeserializeOwned>(body: &Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body = body.as_ref().map_err(|rejection| {
        let message = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            format!("expected at most {} bytes", super::MOST_BYTES)
        } else {
            rejection.body_text()
        };
        Problem::new(rejection.status(), "body", message)
    })?;
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        // Neither is a field: the whole of it, and one of which no name has come.
        Problem::wrong(if matches!(&*path, "." | "?") { "body".into() } else { path }, inner)
    })?;
    json.end().map_err(|error| Problem::wrong("body", error.to_string()))?;
    Ok(value)
}
