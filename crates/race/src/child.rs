//! Processes of this program that are told whom to call on their stdin, and say how that went on their stdout.

use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::SyncSender;
use std::thread::Builder;

use proto::PeerAddr;
use serde::{Deserialize, Serialize};

use crate::lap::Job;
use crate::line::{self, Said};

/// How this program is started so that it does [`crate::lap::answer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// What is heard of a process.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// It said something.
    Said(Said),
    /// It will say nothing more: it closed its stdout, or said what nobody understands.
    Gone,
}

/// A process that calls; it ends with its value.
#[derive(Debug)]
pub struct Child {
    process: Process,
    stdin: ChildStdin,
}

impl Child {
    /// Starts a process that does `job`; whatever it says goes to `heard` with its number `n`, [`Heard::Gone`] last.
    pub fn start(
        program: &Program,
        job: &Job,
        n: usize,
        heard: SyncSender<(usize, Heard)>,
    ) -> io::Result<Child> {
        let mut process = Command::new(&program.path)
            .args(&program.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().expect("it was asked for");
        let mut child = Child {
            stdin: process.stdin.take().expect("it was asked for"),
            process,
        };
        // One that is gone already is heard of in the end.
        let _ = line::write(&mut child.stdin, job);
        let listen = move || listen(stdout, n, &heard);
        Builder::new().spawn(listen)?;
        Ok(child)
    }

    /// Has it call `addr`; fails where it is gone.
    pub fn call(&mut self, addr: &PeerAddr) -> io::Result<()> {
        writeln!(self.stdin, "{addr}")
    }

    /// Says that nobody else is to be called. Its stdin stays open: by the end of that it would know that we are gone.
    pub fn no_more(&mut self) {
        // One that is gone already is heard of in the end.
        let _ = writeln!(self.stdin);
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        // One that is gone already needs no end.
        let _ = self.process.kill();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        let _ = self.process.wait();
    }
}

fn listen(stdout: ChildStdout, n: usize, heard: &SyncSender<(usize, Heard)>) {
    let mut lines = BufReader::new(stdout);
    while let Ok(Some(said)) = line::read(&mut lines) {
        let Ok(said) = line::parse(&said) else {
            break;
        };
        if heard.send((n, Heard::Said(said))).is_err() {
            return;
        }
    }
    let _ = heard.send((n, Heard::Gone));
}
