//! What tables are hashed by that nobody needs in an order: fast, and seeded at random in each process, because callers
//! choose some of the names and must not know which fall together.

/// For tables of the standard library and those made like them.
pub use foldhash::fast::RandomState as Seeded;
