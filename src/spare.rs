//! Memory that is free, given back to the system by threads that rest: an allocator does it when it is asked for memory again,
//! and a gateway that rests asks for none. How it is done is the binary's to say, as the allocator is its choice.

use std::sync::OnceLock;

static GIVE_BACK: OnceLock<fn()> = OnceLock::new();

/// Has what the calling thread can spare given back like this. Said once; until then nothing is.
pub fn is_given_back_by(how: fn()) {
    let _ = GIVE_BACK.set(how);
}

/// Gives back what the calling thread can spare. It takes some hundred microseconds: for a thread that has nothing else to do, and had.
pub fn give_back() {
    if let Some(how) = GIVE_BACK.get() {
        how();
    }
}
