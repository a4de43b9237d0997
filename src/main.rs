//! The binary: hands the arguments to the library and returns its exit code. The allocator is chosen here.

/// Most of what a request allocates is freed by another thread, the log's writer; the system's allocator
/// is slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    gw::spare::is_given_back_by(collect);
    gw::cli::main()
}

/// Gives the system what is free of the calling thread's memory, and of what is no thread's.
#[expect(unsafe_code, reason = "a function of the allocator, which is C")]
fn collect() {
    unsafe extern "C" {
        fn mi_collect(force: bool);
    }
    // SAFETY: any thread may call it at any time, and what is in use stays where it is.
    unsafe { mi_collect(true) }
}
