//! Amazon's way of signing in: access keys, where they come from on a machine, and signing with them. Must not know which
//! services are asked, nor when keys are fetched anew.

mod keys;
mod sigv4;

pub use keys::Keys;
pub use sigv4::sign;
