//! A proxy that lets nothing through and writes down who asked: programs under test are told of it, so that what they
//! would send to the rest of the world shows.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub struct Outside {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Outside {
    pub fn watch() -> Outside {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (asked, over): (Arc<Mutex<Vec<String>>>, _) =
                (Arc::clone(&asked), Arc::clone(&over));
            move || {
                for socket in listener.incoming().map_while(Result::ok) {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let mut line = String::new();
                    let _ = BufReader::new(socket).read_line(&mut line);
                    asked.lock().unwrap().push(line.trim().to_owned());
                }
            }
        });
        Outside {
            address,
            asked,
            over,
            thread: Some(thread),
        }
    }

    /// Has a program go through it, but for what is on this machine.
    pub fn tell(&self, command: &mut Command) {
        let here = format!("http://{}", self.address);
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env(name, &here).env(name.to_uppercase(), &here);
        }
        for name in ["no_proxy", "NO_PROXY"] {
            command.env(name, "127.0.0.1,localhost");
        }
    }

    /// What was asked of it.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn what_a_program_asks_of_the_world_shows_and_nothing_else() {
    let Some(environment) = crate::harness::clients::environment() else {
        return;
    };
    let here = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let outside = Outside::watch();
    let mut command = crate::harness::clients::python(&environment);
    outside.tell(&mut command);
    let program = format!(
        "import httpx\nfor address in ('https://example.com', 'http://{}'):\n  try: httpx.get(address, timeout=0.2)\n  except httpx.HTTPError: pass",
        here.local_addr().unwrap()
    );
    crate::harness::clients::run({
        command.args(["-c", &program]);
        command
    });
    assert_eq!(outside.asked(), ["CONNECT example.com:443 HTTP/1.1"]);
}
