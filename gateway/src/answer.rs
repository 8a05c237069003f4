//! What the layer answers itself.

use crate::fields::Fields;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;
use tidegate::guard::Blocked;
use tidegate::{LimitId, Nanos, Verdict};

/// Why a request does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It has no key.
    NoKey,
    /// Nobody knows its key.
    UnknownKey,
    /// Its body is longer than this many bytes.
    BodyTooLarge(usize),
    /// Its body broke off.
    BodyBroken,
    /// Its address is blocked.
    Blocked(Blocked),
    /// A limit has no room for it now.
    Denied {
        /// The limit's name.
        limit: String,
        /// Whether it is one of a day.
        is_day: bool,
        /// When there is room.
        retry_after: Nanos,
    },
    /// It asks for more than a limit ever admits.
    Never {
        /// The limit's name.
        limit: String,
    },
    /// Nothing is admitted: its limit is 0, or it has none and must have one.
    Closed,
}

/// The form of an answer's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// `{"error": {"message", "type", "param", "code"}}`, as OpenAI's API answers.
    #[default]
    OpenAi,
    /// `{"type": "error", "error": {"type", "message"}}`, as Anthropic's does.
    Anthropic,
    /// No body: status 200 with `grpc-status`, `grpc-message` and `grpc-retry-pushback-ms`, as clients of gRPC expect it.
    Grpc,
}

/// How the layer answers what it refuses.
pub trait Answers: Send + Sync + 'static {
    /// The form for a request.
    fn shape(&self, request: &http::request::Parts) -> Shape;
}

/// What clients take an error for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds {
    /// OpenAI's type.
    pub(crate) openai: &'static str,
    /// OpenAI's code.
    pub(crate) code: &'static str,
    /// Anthropic's type.
    pub(crate) anthropic: &'static str,
}

impl Shape {
    /// An error's body.
    pub(crate) fn error(self, message: &str, kinds: &Kinds) -> String {
        let Kinds { openai, code, anthropic } = kinds;
        match self {
            Self::OpenAi => {
                json!({ "error": { "message": message, "type": openai, "param": null, "code": code } })
            }
            Self::Anthropic => {
                json!({ "type": "error", "error": { "type": anthropic, "message": message } })
            }
            Self::Grpc => return String::new(),
        }
        .to_string()
    }
}

impl Answers for Shape {
    fn shape(&self, _request: &http::request::Parts) -> Shape {
        *self
    }
}

impl Refusal {
    pub(crate) fn of(verdict: Verdict, name: impl FnOnce(LimitId) -> String) -> Option<Self> {
        match verdict {
            Verdict::Admit(_) => None,
            Verdict::Deny(denial) => Some(Self::Denied {
                limit: name(denial.limit),
                is_day: denial.limit.is_day(),
                retry_after: denial.retry_after,
            }),
            Verdict::Never(limit) => Some(Self::Never { limit: name(limit) }),
        }
    }

    /// The status to answer with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoKey | Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::Blocked(block) => {
                StatusCode::from_u16(block.status).unwrap_or(StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Denied { .. } | Self::Never { .. } | Self::Closed => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// One sentence for people.
    fn message(&self) -> String {
        match self {
            Self::NoKey => "No API key was given.".into(),
            Self::UnknownKey => "The API key is not valid.".into(),
            Self::BodyTooLarge(most) => format!("The request's body is longer than {most} bytes."),
            Self::BodyBroken => "The request's body broke off.".into(),
            Self::Blocked(block) => format!(
                "This address has called again too often before the time it was told. Try again in {} s.",
                block.seconds()
            ),
            Self::Denied { limit, is_day: true, .. } => {
                // A smaller one may still find room.
                format!(
                    "The day's quota is used up, or less is left of it than this request asks for ({limit}). It is renewed at midnight UTC."
                )
            }
            Self::Denied { limit, retry_after, .. } => {
                let seconds = retry_after.as_millis_ceil() as f64 / 1e3;
                format!("Rate limit reached ({limit}). Please try again in {seconds}s.")
            }
            Self::Never { limit } => {
                format!("The request asks for more than the limit ever admits ({limit}). Ask for less.")
            }
            Self::Closed => "No such request is ever admitted.".into(),
        }
    }

    /// What kind of error clients take it for.
    fn kinds(&self) -> Kinds {
        let (openai, code, anthropic) = match self {
            Self::NoKey | Self::UnknownKey => {
                ("invalid_request_error", "invalid_api_key", "authentication_error")
            }
            Self::BodyTooLarge(_) => ("invalid_request_error", "request_too_large", "request_too_large"),
            Self::BodyBroken => ("invalid_request_error", "invalid_body", "invalid_request_error"),
            // Some clients retry every 429 but this.
            Self::Denied { is_day: true, .. } | Self::Never { .. } | Self::Closed => {
                ("insufficient_quota", "insufficient_quota", "rate_limit_error")
            }
            Self::Denied { limit, .. } if limit.starts_with("tokens") => {
                ("tokens", "rate_limit_exceeded", "rate_limit_error")
            }
            Self::Denied { .. } | Self::Blocked(_) => ("requests", "rate_limit_exceeded", "rate_limit_error"),
        };
        Kinds { openai, code, anthropic }
    }

    pub(crate) fn body(&self, shape: Shape) -> Bytes {
        shape.error(&self.message(), &self.kinds()).into()
    }

    /// The whole response.
    pub(crate) fn response(&self, shape: Shape, fields: Fields) -> Response<Bytes> {
        if shape == Shape::Grpc {
            return self.grpc(fields);
        }
        let body = self.body(shape);
        let length = HeaderValue::from(body.len());
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, length);
        self.tell_block(headers);
        fields.insert_into(headers);
        response
    }

    fn tell_block(&self, headers: &mut HeaderMap) {
        if let Self::Blocked(block) = self {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from(block.seconds()));
            headers.insert("retry-after-ms", HeaderValue::from(block.remaining.as_millis_ceil().max(1)));
        }
    }

    /// The response to a call of gRPC: trailers alone, which come as a header then.
    fn grpc(&self, fields: Fields) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from(self.grpc_status()));
        // Its messages have no byte that would have to be escaped.
        if let Ok(message) = HeaderValue::from_str(&self.message()) {
            headers.insert("grpc-message", message);
        }
        if let Some(pushback) = self.grpc_pushback() {
            headers.insert("grpc-retry-pushback-ms", pushback);
        }
        self.tell_block(headers);
        fields.insert_into(headers);
        response
    }

    fn grpc_status(&self) -> u16 {
        const INVALID_ARGUMENT: u16 = 3;
        const RESOURCE_EXHAUSTED: u16 = 8;
        const UNAUTHENTICATED: u16 = 16;
        match self {
            Self::NoKey | Self::UnknownKey => UNAUTHENTICATED,
            Self::BodyTooLarge(_) | Self::BodyBroken => INVALID_ARGUMENT,
            Self::Blocked(_) | Self::Denied { .. } | Self::Never { .. } | Self::Closed => RESOURCE_EXHAUSTED,
        }
    }

    /// When gRPC's own retries may come; -1 says that they should not.
    fn grpc_pushback(&self) -> Option<HeaderValue> {
        let millis = |time: Nanos| HeaderValue::from(time.as_millis_ceil().max(1));
        match self {
            Self::Denied { is_day: true, .. } | Self::Never { .. } | Self::Closed => {
                Some(HeaderValue::from_static("-1"))
            }
            Self::Denied { retry_after, .. } => Some(millis(*retry_after)),
            Self::Blocked(block) => Some(millis(block.remaining)),
            Self::NoKey | Self::UnknownKey | Self::BodyTooLarge(_) | Self::BodyBroken => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn body(refusal: &Refusal, shape: Shape) -> Value {
        serde_json::from_slice(refusal.response(shape, Fields::default()).body()).unwrap()
    }

    #[test]
    fn each_api_has_its_form() {
        let denied = Refusal::Denied {
            limit: "tokens_per_minute".into(),
            is_day: false,
            retry_after: Nanos::from_millis(1_234),
        };
        let openai = body(&denied, Shape::OpenAi);
        assert_eq!(openai["error"]["code"], "rate_limit_exceeded");
        assert_eq!(openai["error"]["type"], "tokens");
        // Codex reads the time from this very sentence.
        assert!(openai["error"]["message"].as_str().unwrap().contains("try again in 1.234s"));
        let anthropic = body(&denied, Shape::Anthropic);
        assert_eq!(
            (&anthropic["type"], &anthropic["error"]["type"]),
            (&"error".into(), &"rate_limit_error".into())
        );
    }

    #[test]
    fn grpc_is_told_in_its_trailers() {
        let denied = Refusal::Denied {
            limit: "requests_per_minute".into(),
            is_day: false,
            retry_after: Nanos::from_millis(1_234),
        };
        let response = denied.response(Shape::Grpc, Fields::default());
        let field = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!(
            (response.status(), field("grpc-status"), response.body().len()),
            (StatusCode::OK, "8", 0)
        );
        assert_eq!(field("grpc-retry-pushback-ms"), "1234");
        assert!(field("grpc-message").contains("try again in 1.234s"));
        let never =
            Refusal::Never { limit: "tokens_per_day".into() }.response(Shape::Grpc, Fields::default());
        assert_eq!(never.headers()["grpc-retry-pushback-ms"], "-1");
        let stranger = Refusal::NoKey.response(Shape::Grpc, Fields::default());
        assert_eq!(stranger.headers()["grpc-status"], "16");
    }

    #[test]
    fn a_used_up_day_is_no_limit_to_wait_for() {
        let day = Refusal::Denied { limit: "tokens_per_day".into(), is_day: true, retry_after: Nanos::DAY };
        assert_eq!(body(&day, Shape::OpenAi)["error"]["code"], "insufficient_quota");
        assert_eq!(day.status(), StatusCode::TOO_MANY_REQUESTS);
    }

    #[test]
    fn a_block_says_how_long_it_lasts() {
        let block = Refusal::Blocked(Blocked { remaining: Nanos::from_millis(1_500), status: 403 });
        let response = block.response(Shape::OpenAi, Fields::default());
        assert_eq!(response.status(), 403);
        assert_eq!(
            (&response.headers()["retry-after"], &response.headers()["retry-after-ms"]),
            (&"2".parse().unwrap(), &"1500".parse().unwrap())
        );
    }
}
