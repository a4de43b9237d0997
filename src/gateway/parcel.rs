//! A request body that gw does not read as JSON: a form, or whatever a provider takes. Its beginning is in hand, so that a
//! short one is like any other body; a longer one is handed on as it comes. Must not know who it is for.

use super::{
    Shared,
    collect::Collected,
    ended::Ended,
    held::Held,
    incoming::Incoming,
    intake,
    pace::{self, Pace},
    upload::Upload,
    watch::Guard,
};
use crate::error::{Error, Kind};
use crate::formats::form::{self, Form, LOOKED_AT, Model};
use crate::http1::fields::{Fields, text};
use bytes::Bytes;
use http::HeaderValue;
use std::{collections::VecDeque, rc::Rc, sync::Arc, time::Instant};

/// A body, or the beginning of one.
pub struct Parcel {
    /// What it is said to be.
    pub content_type: Option<HeaderValue>,
    /// Bytes in all, where the caller says.
    pub length: Option<u64>,
    /// What has come.
    head: Bytes,
    /// What stands between its parts; `None`: it is no form.
    mark: Option<Vec<u8>>,
    /// The model its form names.
    model: Option<Model>,
    /// What is still to come; `None`: nothing.
    rest: Option<Rc<Upload>>,
}

/// What becomes of one for an upstream: bytes, and what follows them as it comes.
pub type Sent = (Bytes, Option<Rc<Upload>>);

impl Parcel {
    /// Reads the beginning of a body. A form's model stands there, or nowhere.
    pub async fn read(
        shared: &Arc<Shared>,
        headers: &Fields,
        mut incoming: Incoming,
        held: &Held,
        watch: &Guard,
    ) -> Result<Parcel, Ended> {
        let settings = &shared.settings;
        let length = intake::announced(headers);
        if length.is_some_and(|length| length > settings.max_upload) {
            return Err(pace::too_much(settings.max_upload).into());
        }
        let mut form = form_of(headers)?;
        let mut pace = Pace::since(Instant::now());
        let mut collected = Collected::default();
        let behind = loop {
            let Some(mut piece) = intake::piece(settings, &mut incoming, &pace, watch).await?
            else {
                break None;
            };
            // What counts must not hang on how the body was cut on its way.
            let room = LOOKED_AT - collected.length();
            let behind = match piece.len() > room {
                true => piece.split_off(room),
                false => Bytes::new(),
            };
            pace.upload(settings, piece.len())?;
            held.take(piece.len()).map_err(Error::from)?;
            if let Some(form) = &mut form {
                form.feed(&piece)?;
            }
            collected.push(piece);
            if collected.length() >= LOOKED_AT {
                break Some(behind);
            }
        };
        watch.within(None);
        if let Some(form) = form.as_ref().filter(|_| behind.is_none()) {
            form.finish()?;
        }
        Ok(Parcel {
            content_type: headers
                .get("content-type")
                .and_then(|label| HeaderValue::from_bytes(label).ok()),
            length: length.map(|length| length as u64),
            head: collected.into_bytes(),
            mark: form.as_ref().map(|form| form.mark().to_vec()),
            model: form.as_ref().and_then(|form| form.model().cloned()),
            rest: behind.map(|behind| Upload::new(shared, behind, incoming, form, pace, watch)),
        })
    }

    /// The model its form names, and where.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// Whether some of it may have gone out, and so cannot again.
    pub fn is_spent(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.is_spent())
    }

    /// Whether it goes out once.
    pub fn goes_once(&self) -> bool {
        self.rest.is_some()
    }

    /// For an upstream; `model`: to be named in the form.
    pub fn made(&self, model: Option<&str>) -> Sent {
        let mut pieces = VecDeque::with_capacity(3);
        match (&self.mark, &self.model, model) {
            (Some(_), Some(found), Some(model)) => {
                pieces.push_back(self.head.slice(..found.span.start));
                pieces.push_back(Bytes::copy_from_slice(model.as_bytes()));
                pieces.push_back(self.head.slice(found.span.end..));
            }
            (Some(_), None, Some(model)) if let Some(rest) = &self.rest => {
                // Whether another is named further on nobody knows, nor how long the form will be.
                let read = self.head.len().saturating_sub(rest.waiting());
                rest.begin(VecDeque::from([self.head.slice(..read)]), None, Some(model));
                return (Bytes::new(), Some(rest.clone()));
            }
            (Some(mark), None, Some(model)) => {
                pieces.push_back(form::naming(mark, model).into());
                pieces.push_back(self.head.clone());
            }
            _ => pieces.push_back(self.head.clone()),
        }
        let Some(rest) = &self.rest else {
            return (joined(pieces), None);
        };
        let now: usize = pieces.iter().map(Bytes::len).sum();
        let length = self
            .length
            .map(|length| (length + now as u64).saturating_sub(self.head.len() as u64));
        rest.begin(pieces, length, None);
        (Bytes::new(), Some(rest.clone()))
    }
}

fn joined(mut pieces: VecDeque<Bytes>) -> Bytes {
    match pieces.len() {
        1 => pieces.pop_front().unwrap_or_default(),
        _ => pieces.make_contiguous().concat().into(),
    }
}

/// Whether a request with this head brings a form, one that can be read or not.
pub fn is_form(headers: &Fields) -> bool {
    headers.text("content-type").and_then(Form::of).is_some()
}

/// The form that a request with this head brings, to be read.
fn form_of(headers: &Fields) -> Result<Option<Form>, Error> {
    let mut labels = headers.all("content-type");
    let label = labels.next().and_then(text);
    let Some(form) = Form::of(label.unwrap_or_default()) else {
        return Ok(None);
    };
    if labels.next().is_some() {
        return Err(Error::invalid("there is more than one `Content-Type`").hint("send one"));
    }
    let form = form?;
    let coding = headers.get("content-encoding");
    match coding.is_none_or(|coding| coding.is_empty() || coding == b"identity") {
        true => Ok(Some(form)),
        false => Err(Error::new(
            Kind::Unsupported,
            "the form is compressed, which gw does not take",
        )
        .hint("send it without `Content-Encoding`: what it carries is compressed itself")),
    }
}
