//! The mock as a caller sees it, over a bare socket.
