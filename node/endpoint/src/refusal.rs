//! Why a request is not taken, and how the peer is told.

use switch_sip::message::{Request, Response};
use switch_sip::response;

/// A refusal, with the header that explains it.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) header: Option<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn to(&self, request: &Request) -> Response {
        let mut answer = response::to(request, self.status, None);
        if let Some((name, value)) = &self.header {
            answer.headers.push(name, value.as_str());
        }
        answer
    }
}

/// A call that was not taken.
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    /// For the log.
    pub(crate) why: String,
}

impl Refused {
    pub(crate) fn new(status: u16, why: &str) -> Self {
        Self { refusal: Refusal { status, header: None }, why: why.to_owned() }
    }
}
