//! TLS as far as it is not a provider's: PEM files, and the certificate that this gateway answers with. Must not know who
//! listens or who calls.

pub mod identity;
pub mod pem;
mod pinned;
mod validity;

pub use identity::Identity;
pub use pinned::Pinned;
