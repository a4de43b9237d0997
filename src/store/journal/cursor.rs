//! Pages: the order of rows, and where one goes on.

/// No page is longer than this.
pub const MAX_LIMIT: usize = 1000;

/// Which way the log is read. Ids are ordered by time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// Where a page begins: beyond an id, or at it where the last page stopped before reading it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    id: String,
    inclusive: bool,
    order: Order,
}

impl Cursor {
    /// Any text is a place in the order of ids, so a cursor outlives the rows it was made from.
    pub fn parse(text: &str, order: Order) -> Cursor {
        let at = text.strip_prefix('=');
        Cursor {
            id: at.unwrap_or(text).to_owned(),
            inclusive: at.is_some(),
            order,
        }
    }

    /// As text: goes on after this row.
    pub fn after(id: &str) -> String {
        id.to_owned()
    }

    /// As text: goes on with this row, or where it would be.
    pub fn at(id: &str) -> String {
        format!("={id}")
    }

    /// Whether an id is still to come.
    pub fn allows(&self, id: &str) -> bool {
        let mine = self.id.as_str();
        match self.order {
            _ if id == mine => self.inclusive,
            Order::NewestFirst => id < mine,
            Order::OldestFirst => id > mine,
        }
    }

    /// Whether a page that goes on at this id is further than this one: else it would be asked for for ever.
    pub fn advances_to(&self, id: &str) -> bool {
        id != self.id && self.allows(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_place_themselves() {
        let allowed =
            |text: &str, order| ["a", "b", "c"].map(|id| Cursor::parse(text, order).allows(id));
        assert_eq!(allowed("b", Order::NewestFirst), [true, false, false]);
        assert_eq!(allowed("=b", Order::NewestFirst), [true, true, false]);
        assert_eq!(allowed("b", Order::OldestFirst), [false, false, true]);
        assert_eq!(allowed("=b", Order::OldestFirst), [false, true, true]);
        let at = Cursor::parse("=b", Order::NewestFirst);
        assert_eq!(
            ["a", "b", "c"].map(|id| at.advances_to(id)),
            [true, false, false]
        );
    }
}
