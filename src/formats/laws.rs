//! Laws every codec keeps.

mod recorded;
mod wire;
