//! How Amazon Bedrock calls its errors. The names that an operation documents are those of its service model
//! (<https://github.com/boto/botocore/tree/develop/botocore/data/bedrock-runtime>), the others those of all services:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>.

use crate::chat::Fault;

/// The exception of each status: as an answer's head has it, and as an event stream has it, where one kind has a name of
/// its own.
static EXCEPTIONS: [(u16, &str, &str); 8] = [
    (400, "ValidationException", "validationException"),
    (403, "AccessDeniedException", "accessDeniedException"),
    (
        404,
        "ResourceNotFoundException",
        "resourceNotFoundException",
    ),
    (408, "ModelTimeoutException", "modelTimeoutException"),
    (424, "ModelErrorException", "modelStreamErrorException"),
    (429, "ThrottlingException", "throttlingException"),
    (500, "InternalServerException", "internalServerException"),
    (
        503,
        "ServiceUnavailableException",
        "serviceUnavailableException",
    ),
];

/// Names that are read and never written.
static OTHERS: [(u16, &str); 12] = [
    (400, "ServiceQuotaExceededException"),
    (400, "ValidationError"),
    (401, "NotAuthorized"),
    (403, "ExpiredTokenException"),
    (403, "IncompleteSignature"),
    (403, "InvalidSignatureException"),
    (403, "MissingAuthenticationTokenException"),
    (403, "UnrecognizedClientException"),
    (404, "UnknownOperationException"),
    (429, "ModelNotReadyException"),
    (500, "InternalFailure"),
    (503, "ServiceUnavailable"),
];

fn row(status: u16) -> &'static (u16, &'static str, &'static str) {
    let stands_for = match status {
        401 | 402 => 403,
        504 => 408,
        529 => 503,
        status => status,
    };
    let known = EXCEPTIONS.iter().find(|row| row.0 == stands_for);
    known.unwrap_or(match status {
        400..=499 => &EXCEPTIONS[0],
        _ => &EXCEPTIONS[6],
    })
}

/// The exception that a status is called by, for the header of an answer.
pub(in crate::formats) fn exception(status: u16) -> &'static str {
    row(status).1
}

/// The same of an error: Amazon's own name for it, where it has one.
pub(in crate::formats) fn name(fault: &Fault) -> &'static str {
    let heads = EXCEPTIONS.iter().map(|(status, head, _)| (*status, *head));
    let mut named = heads.chain(OTHERS).filter(|(status, head)| {
        *status == fault.status && head.eq_ignore_ascii_case(plain(&fault.kind))
    });
    named
        .next()
        .map_or_else(|| exception(fault.status), |(_, head)| head)
}

/// The same in an event stream.
pub(in crate::formats) fn in_stream(status: u16) -> &'static str {
    row(status).2
}

/// The status that an exception stands for, however it is spelt: with a namespace in front of it or behind it, in a stream
/// or a header.
pub(in crate::formats) fn status(exception: &str) -> Option<u16> {
    let name = plain(exception);
    let named = EXCEPTIONS
        .iter()
        .flat_map(|(status, head, stream)| [(*status, *head), (*status, *stream)])
        .chain(OTHERS);
    let mut fitting = named.filter(|(_, known)| known.eq_ignore_ascii_case(name));
    fitting.next().map(|(status, _)| status)
}

/// An exception's name alone: `ValidationException:http://…` and `com.amazon#ValidationException` are both it.
pub fn plain(exception: &str) -> &str {
    let name = exception.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_and_statuses_stand_for_each_other() {
        for (code, head, stream) in EXCEPTIONS {
            assert_eq!((exception(code), in_stream(code)), (head, stream));
            assert_eq!((status(head), status(stream)), (Some(code), Some(code)));
        }
        for (code, name) in [
            (401, "AccessDeniedException"),
            (413, "ValidationException"),
            (502, "InternalServerException"),
            (504, "ModelTimeoutException"),
            (529, "ServiceUnavailableException"),
        ] {
            assert_eq!(exception(code), name, "{code}");
        }
        for (spelt, code) in [
            (
                "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/",
                Some(400),
            ),
            (
                "com.amazon.coral.service#UnrecognizedClientException",
                Some(403),
            ),
            ("ModelStreamErrorException", Some(424)),
            ("modelNotReadyException", Some(429)),
            ("contentBlockDelta", None),
            ("", None),
        ] {
            assert_eq!(status(spelt), code, "{spelt}");
        }
    }
}
