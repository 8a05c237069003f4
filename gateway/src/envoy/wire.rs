//! The messages of Envoy's rate limit service, as far as they are used here.
//!
//! Written by hand, so that no build needs `protoc`, nor the 89,000 lines that all of Envoy's messages make. Names, numbers and
//! types are those of the public files `envoy/service/ratelimit/v3/rls.proto`,
//! `envoy/extensions/common/ratelimit/v3/ratelimit.proto`, `envoy/type/v3/ratelimit_unit.proto`,
//! `envoy/config/core/v3/base.proto` and `google/protobuf/duration.proto`, of Envoy 1.36 to 1.40. Fields that are not here are
//! skipped when read and never written.

/// What Envoy asks.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RateLimitRequest {
    /// Whose rules are meant.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// What is to be counted, each by itself.
    #[prost(message, repeated, tag = "2")]
    pub descriptors: Vec<RateLimitDescriptor>,
    /// Hits of descriptors that name none; 0 is 1.
    #[prost(uint32, tag = "3")]
    pub hits_addend: u32,
}

/// One thing to count.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RateLimitDescriptor {
    /// What it is counted by.
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<Entry>,
    /// A limit in the place of that which is configured.
    #[prost(message, optional, tag = "2")]
    pub limit: Option<RateLimitOverride>,
    /// Its hits (`google.protobuf.UInt64Value`).
    #[prost(message, optional, tag = "3")]
    pub hits_addend: Option<u64>,
    /// Its hits are given back.
    #[prost(bool, tag = "4")]
    pub is_negative_hits: bool,
}

/// A part of what a descriptor is counted by.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Entry {
    /// What it is.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Which of these. A `string`, of which Envoy makes what a client wrote, and that need not be UTF-8: were it read as one, the
    /// request would be an error, and a call with such a byte would pass all limits where errors let calls pass.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// A descriptor's own limit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct RateLimitOverride {
    /// So many hits.
    #[prost(uint32, tag = "1")]
    pub requests_per_unit: u32,
    /// In such a time.
    #[prost(enumeration = "Unit", tag = "2")]
    pub unit: i32,
}

/// The time over which a limit counts: `RateLimitUnit`, and `RateLimitResponse.RateLimit.Unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Unit {
    /// None that has a name.
    Unknown = 0,
    /// A second.
    Second = 1,
    /// A minute.
    Minute = 2,
    /// An hour.
    Hour = 3,
    /// A day.
    Day = 4,
    /// A month.
    Month = 5,
    /// A year.
    Year = 6,
    /// A week.
    Week = 7,
}

/// What Envoy is told.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RateLimitResponse {
    /// Whether the request goes on.
    #[prost(enumeration = "Code", tag = "1")]
    pub overall_code: i32,
    /// Of each descriptor, in order.
    #[prost(message, repeated, tag = "2")]
    pub statuses: Vec<DescriptorStatus>,
    /// Fields for the response to the client.
    #[prost(message, repeated, tag = "3")]
    pub response_headers_to_add: Vec<HeaderValue>,
    /// The body of a denial.
    #[prost(bytes = "bytes", tag = "5")]
    pub raw_body: bytes::Bytes,
}

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Code {
    /// Nobody knows.
    Unknown = 0,
    /// There is.
    Ok = 1,
    /// There is not.
    OverLimit = 2,
}

/// What became of one descriptor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DescriptorStatus {
    /// Whether it has room.
    #[prost(enumeration = "Code", tag = "1")]
    pub code: i32,
    /// The limit that the rest describes.
    #[prost(message, optional, tag = "2")]
    pub current_limit: Option<CurrentLimit>,
    /// What is left of it.
    #[prost(uint32, tag = "3")]
    pub limit_remaining: u32,
    /// Until all of it is back.
    #[prost(message, optional, tag = "4")]
    pub duration_until_reset: Option<Duration>,
}

/// A limit (`RateLimitResponse.RateLimit`).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CurrentLimit {
    /// So many hits.
    #[prost(uint32, tag = "1")]
    pub requests_per_unit: u32,
    /// In such a time.
    #[prost(enumeration = "Unit", tag = "2")]
    pub unit: i32,
    /// What people call it.
    #[prost(string, tag = "3")]
    pub name: String,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Duration {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// And nanoseconds.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// A header field.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct HeaderValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    /// Bytes as they stand on the wire: tag and type, then the value, by the rules of the encoding.
    #[test]
    fn a_request_is_read_by_the_numbers_of_the_public_files() {
        let bytes: &[u8] = &[
            0x0a, 1, b'd', // domain
            0x12, 20, // a descriptor of 20 bytes
            0x0a, 6, 0x0a, 1, b'k', 0x12, 1, b'v', // an entry
            0x12, 4, 0x08, 9, 0x10, 2, // a limit of 9 a minute
            0x1a, 2, 0x08, 5, // 5 hits
            0x20, 1, // which are given back
            0x18, 7, // 7 hits of all others
            0x7a, 1, b'x', // a field that nobody here knows
        ];
        let entry = Entry { key: "k".into(), value: "v".into() };
        let limit = RateLimitOverride { requests_per_unit: 9, unit: Unit::Minute.into() };
        let descriptor = RateLimitDescriptor {
            entries: vec![entry],
            limit: Some(limit),
            hits_addend: Some(5),
            is_negative_hits: true,
        };
        let expected = RateLimitRequest { domain: "d".into(), descriptors: vec![descriptor], hits_addend: 7 };
        assert_eq!(RateLimitRequest::decode(bytes).unwrap(), expected);
    }

    #[test]
    fn no_hits_are_other_than_none_named() {
        let named = RateLimitDescriptor { hits_addend: Some(0), ..RateLimitDescriptor::default() };
        assert_eq!(named.encode_to_vec(), [0x1a, 0]);
        assert_eq!(RateLimitDescriptor::decode(&[0x1a, 0][..]).unwrap().hits_addend, Some(0));
        assert_eq!(RateLimitDescriptor::decode(&[][..]).unwrap().hits_addend, None);
    }

    #[test]
    fn a_response_is_written_by_those_numbers() {
        let status = DescriptorStatus {
            code: Code::OverLimit.into(),
            current_limit: Some(CurrentLimit {
                requests_per_unit: 20,
                unit: Unit::Minute.into(),
                name: "n".into(),
            }),
            limit_remaining: 3,
            duration_until_reset: Some(Duration { seconds: 1, nanos: 2 }),
        };
        let response = RateLimitResponse {
            overall_code: Code::Ok.into(),
            statuses: vec![status],
            response_headers_to_add: vec![HeaderValue { key: "a".into(), value: "b".into() }],
            raw_body: "c".into(),
        };
        let bytes: &[u8] = &[
            0x08, 1, // OK
            0x12, 19, 0x08, 2, // a status: over limit
            0x12, 7, 0x08, 20, 0x10, 2, 0x1a, 1, b'n', // of 20 a minute
            0x18, 3, // 3 left
            0x22, 4, 0x08, 1, 0x10, 2, // in 1 s and 2 ns
            0x1a, 6, 0x0a, 1, b'a', 0x12, 1, b'b', // a field
            0x2a, 1, b'c', // the body
        ];
        assert_eq!(response.encode_to_vec(), bytes);
    }
}
