//! `meshlace serve` as a person runs it.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test that cannot go on says so")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

/// The command, killed if a test ends early.
struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

impl Serving {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_meshlace"))
            .args(["serve", "--host", "127.0.0.1"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line
    }

    /// Sends a signal, and returns how the command ended.
    fn stop(&mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill runs");
        assert!(sent.success());
        self.child.wait().expect("it ends").code()
    }
}

fn port_of(line: &str) -> u16 {
    let port = line.trim_end().rsplit(':').next().expect("a port");
    port.parse().expect("a number")
}

#[test]
fn first_line_names_a_page_that_answers_and_a_signal_stops_it() {
    for signal in ["-INT", "-TERM"] {
        let mut serving = Serving::start(&["--port", "0"]);
        let line = serving.line();
        assert!(line.starts_with("Meshlace is listening on http://localhost:"), "{line}");
        let mut page = TcpStream::connect(("127.0.0.1", port_of(&line))).expect("connects");
        page.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("sent");
        let mut answer = String::new();
        page.read_to_string(&mut answer).expect("answered");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.to_lowercase().contains("<!doctype html>"), "{answer}");
        assert_eq!(serving.stop(signal), Some(0), "stopped by {signal}");
    }
}

#[test]
fn json_line_is_for_programs() {
    let mut serving = Serving::start(&["--port", "0", "--json"]);
    let line = serving.line();
    assert!(line.starts_with("{\"url\":\"http://localhost:"), "{line}");
    assert_eq!(serving.stop("-TERM"), Some(0));
    assert_eq!(serving.line(), "", "nothing follows");
}

#[test]
fn port_in_use_is_a_sentence_and_exit_code_1() {
    let mut first = Serving::start(&["--port", "0"]);
    let port = port_of(&first.line()).to_string();
    let mut second = Serving::start(&["--port", &port]);
    assert_eq!(second.child.wait().expect("it ends").code(), Some(1));
    let mut said = String::new();
    let errors = second.child.stderr.as_mut().expect("its errors");
    errors.read_to_string(&mut said).expect("text");
    let expected =
        format!("meshlace: port {port} is in use by another program; choose one with --port\n");
    assert_eq!(said, expected);
}

#[test]
fn unknown_option_is_exit_code_2() {
    let mut serving = Serving::start(&["--prot", "1"]);
    assert_eq!(serving.child.wait().expect("it ends").code(), Some(2));
}

#[test]
fn unusable_certificate_is_named() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (file, reason) in [
        ("/nowhere.pem", "/nowhere.pem: No such file"),
        (manifest, "Cargo.toml: there is no certificate"),
    ] {
        let options = ["--port", "0", "--tls-cert", file, "--tls-key", manifest];
        let mut serving = Serving::start(&options);
        assert_eq!(serving.child.wait().expect("it ends").code(), Some(1));
        let mut said = String::new();
        let errors = serving.child.stderr.as_mut().expect("its errors");
        errors.read_to_string(&mut said).expect("text");
        assert!(said.contains(reason), "{said}");
    }
}
