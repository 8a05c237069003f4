//! What a gateway answers when an upstream does not.

use crate::answer::{Kinds, Shape};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

/// Why there is no answer of an upstream's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No upstream has this path.
    NoUpstream,
    /// `TRACE` or `CONNECT`, which are about the connection and no call.
    Method,
    /// The request's body is compressed: nobody could say what it asks for.
    Encoded,
    /// The client did not send its request's body in time.
    SlowBody,
    /// There is no room in memory for the request's body among the others.
    Crowded,
    /// It cannot be connected to.
    Unreachable,
    /// It broke off before its response began.
    Broken,
    /// It did not begin its response in time.
    Silent,
}

impl Trouble {
    fn status(self) -> StatusCode {
        match self {
            Self::NoUpstream => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::Crowded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable | Self::Broken => StatusCode::BAD_GATEWAY,
            Self::Silent => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::NoUpstream => "The gateway has no upstream for this path.",
            Self::Method => "The gateway passes no calls of this method.",
            Self::Encoded => "The gateway takes no request whose body has a content-encoding.",
            Self::SlowBody => "The request's body did not arrive in time.",
            Self::Crowded => "The gateway has no room for the request's body now.",
            Self::Unreachable => "The upstream cannot be reached.",
            Self::Broken => "The upstream broke off before it answered.",
            Self::Silent => "The upstream did not answer in time.",
        }
    }

    fn kinds(self) -> Kinds {
        let (openai, code, anthropic) = match self {
            Self::NoUpstream => ("invalid_request_error", "not_found", "not_found_error"),
            Self::Method => ("invalid_request_error", "method_not_allowed", "invalid_request_error"),
            Self::Encoded => ("invalid_request_error", "unsupported_media_type", "invalid_request_error"),
            Self::SlowBody => ("invalid_request_error", "request_timeout", "timeout_error"),
            Self::Crowded => ("server_error", "overloaded", "overloaded_error"),
            Self::Unreachable => ("server_error", "upstream_unreachable", "api_error"),
            Self::Broken => ("server_error", "upstream_broken", "api_error"),
            Self::Silent => ("server_error", "upstream_timeout", "timeout_error"),
        };
        Kinds { openai, code, anthropic }
    }

    /// The whole response.
    pub(crate) fn response(self, shape: Shape) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(shape.error(self.message(), &self.kinds())));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self == Self::Crowded {
            // Bodies come and go within seconds.
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
