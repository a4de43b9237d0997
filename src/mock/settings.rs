//! How one mock behaves towards every request; scripts of single requests come on top.

use super::play::Play;
use super::script::Script;

/// One mock's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What every request gets, unless its own headers or model say otherwise.
    pub script: Script,
    /// Conversations to play.
    pub play: Option<Play>,
    /// Plain, non-streamed chat requests get a fixed answer of this many bytes and are not remembered:
    /// as fast as this mock can be, for measurements.
    pub plain_bytes: Option<usize>,
    /// The credential callers must present; others get 401.
    pub expect_credential: Option<String>,
    /// Models that `GET /v1/models` lists.
    pub models: Vec<String>,
    /// The certificate to answer with, where callers come over TLS.
    pub tls: Option<std::sync::Arc<rustls::ServerConfig>>,
    /// Requests remembered for `GET /_mock/requests`; 0: none.
    pub remember: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        let models = [
            "mock",
            "echo",
            "mock-429",
            "mock-500",
            "mock-slow-800",
            "mock-drop-after-3",
            "mock-embedding",
        ];
        Settings {
            script: Script::default(),
            play: None,
            plain_bytes: None,
            expect_credential: None,
            tls: None,
            models: models.map(str::to_owned).to_vec(),
            remember: 256,
        }
    }
}
