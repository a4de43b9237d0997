//! Laws every codec keeps.
