//! Amazon's way of signing in: access keys, where they come from on a machine, and signing with them. Must not know which
//! services are called, nor when keys are asked for again.

mod ask;
mod chain;
mod given;
mod keys;
mod profiles;
mod sigv4;

pub use ask::ask;
pub use chain::Chain;
pub use given::{Given, Held};
pub use keys::Keys;
pub use sigv4::sign;
