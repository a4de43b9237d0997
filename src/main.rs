//! The binary: hands the arguments to the library and returns its exit code.

/// Most of what a request allocates is freed by another thread, the log's writer; the system's allocator
/// is slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    gw::cli::main()
}
