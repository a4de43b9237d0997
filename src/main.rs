//! The binary: hands the arguments to the library and returns its exit code.

fn main() -> std::process::ExitCode {
    gw::cli::main()
}
