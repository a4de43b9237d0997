//! What of a provider may be asked below `/passthrough/PROVIDER`.

use super::Route;
use crate::error::{Error, Result};

impl Route {
    pub(super) fn validate_passthrough(&mut self) -> Result<()> {
        let (methods, paths) = (&mut self.passthrough_methods, &mut self.passthrough_paths);
        methods.iter_mut().for_each(|it| it.make_ascii_uppercase());
        if let Some(odd) = methods.iter().find(|it| !METHODS.contains(&it.as_str())) {
            return Err(Error::invalid(format!(
                "`{}` is not a method that is let through",
                odd.escape_debug()
            ))
            .param("passthrough_methods")
            .hint(format!("there are {}", METHODS.join(", "))));
        }
        let odd = |path: &&String| {
            !path.starts_with('/')
                || path.contains(['%', '?', '#', '\\'])
                || path.chars().any(char::is_control)
                || path.contains("//")
                || path.split('/').any(|it| it == "." || it == "..")
        };
        if let Some(odd) = paths.iter().find(odd) {
            return Err(Error::invalid(format!(
                "`{}` is not a path of a provider",
                odd.escape_debug()
            ))
            .param("passthrough_paths")
            .hint("write it from its first slash on, such as /v1/fine_tuning"));
        }
        match (self.passthrough.is_empty(), paths.is_empty()) {
            (false, true) => Err(Error::invalid("the route lets nothing through")
                .param("passthrough_paths")
                .hint("say below which paths with --passthrough-paths /PATH (/ is all of them)")),
            (true, false) => Err(Error::invalid("the route lets through to no provider")
                .param("passthrough")
                .hint("name one with --passthrough PROVIDER")),
            (true, true) => Ok(()),
            (false, false) => {
                if methods.is_empty() {
                    methods.push("GET".to_owned());
                }
                Ok(())
            }
        }
    }
}

/// Methods that can be let through.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
