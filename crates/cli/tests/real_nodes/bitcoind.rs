//! A node of Bitcoin Core's family in regtest mode that stays on loopback, with what it says of itself and noted of us.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::rim::{free_ports, named_by, wait_until};

/// What keeps a node on loopback: it dials nobody, asks no DNS and no router, and looks for no address of its own.
const STAY_HERE: [&str; 10] = [
    "-regtest",
    "-connect=0",
    "-dnsseed=0",
    "-fixedseeds=0",
    "-listenonion=0",
    "-natpmp=0",
    "-discover=0",
    "-disablewallet",
    "-listen=1",
    "-server=1",
];
/// What has a node write down every message, and what it thinks of it.
const WRITE_DOWN: [&str; 3] = ["-debug=net", "-logips=1", "-capturemessages=1"];
/// Knots offers Bloom filters to callers from loopback alone, of which its RPC says nothing.
const SAME_FOR_ALL: &str = "-peerbloomfilters=0";
/// Words in a node's log that are about something a peer must not do, or that went wrong with it.
const COMPLAINTS: [&str; 11] = [
    "misbehav",
    "discourag",
    "error",
    "warning",
    "failed",
    "timeout",
    "unknown",
    "redundant",
    "unparseable",
    "obsolete",
    "before version handshake",
];

/// A running node; ends when dropped.
pub(crate) struct Bitcoind {
    process: Child,
    cli: PathBuf,
    dir: TempDir,
    host: u8,
    port: u16,
    /// How much of its log is about how it started.
    log_of_start: usize,
}

/// What went over one connection, by the node's own record.
pub(crate) struct Conversation {
    pub(crate) received: Vec<Message>,
    pub(crate) sent: Vec<Message>,
}

/// One message, its payload as it was carried.
pub(crate) struct Message {
    pub(crate) command: String,
    pub(crate) payload: Vec<u8>,
}

impl Bitcoind {
    /// Starts a node at 127.0.0.`host`; says so where there is none to start.
    pub(crate) fn start(host: u8, settings: &[&str]) -> Option<Bitcoind> {
        let program = named_by("BITCOIND_EXE")?;
        let dir = tempfile::tempdir().expect("a folder can be made");
        let port = free_ports(2);
        let log = File::create(dir.path().join("stderr")).expect("a file can be written");
        let process = Command::new(&program)
            .args(STAY_HERE)
            .args(WRITE_DOWN)
            .arg(SAME_FOR_ALL)
            .args(settings)
            .arg(format!("-bind=127.0.0.{host}:{port}"))
            .arg(format!("-rpcport={}", port + 1))
            .arg(format!("-datadir={}", dir.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("BITCOIND_EXE can be started");
        let mut node = Bitcoind {
            process,
            cli: Path::new(&program).with_file_name("bitcoin-cli"),
            dir,
            host,
            port,
            log_of_start: 0,
        };
        node.wait_for_start();
        node.log_of_start = node.log().len();
        Some(node)
    }

    /// Returns host and port, as one calls them.
    pub(crate) fn addr(&self) -> String {
        format!("127.0.0.{}:{}", self.host, self.port)
    }

    /// Asks the node by its own client.
    pub(crate) fn rpc(&self, words: &[&str]) -> Value {
        let output = self.cli(words).output().expect("bitcoin-cli is beside it");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {complaint}");
        // An answer that is no JSON is a bare text, or none at all.
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Adds blocks to its chain.
    pub(crate) fn mine(&self, n_blocks: u32) {
        self.rpc(&[
            "generatetodescriptor",
            &n_blocks.to_string(),
            "raw(51)#8lvh9jxk",
        ]);
        // The height that it tells peers follows its chain a moment later.
        self.rpc(&["syncwithvalidationinterfacequeue"]);
    }

    /// Waits until it counts that many peers.
    pub(crate) fn wait_for_connections(&self, n: u64) {
        let seen = wait_until(|| (self.rpc(&["getconnectioncount"]) == n).then_some(()));
        assert_eq!(seen, Some(()), "it never had {n} connections");
    }

    /// Returns its log since it is up, once everybody has gone.
    pub(crate) fn log_at_rest(&self) -> String {
        self.wait_for_connections(0);
        String::from_utf8_lossy(&self.log()[self.log_of_start..]).into_owned()
    }

    /// Returns what it has to say against its peers, once they have gone.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.log_at_rest().to_lowercase();
        let about_peers = log.lines().filter(|it| it.contains("peer"));
        let mut complaints: Vec<_> = about_peers
            .filter(|line| COMPLAINTS.iter().any(|it| line.contains(it)))
            .map(str::to_owned)
            .collect();
        let banned = self.rpc(&["listbanned"]);
        let banned = banned.as_array().expect("it is a list");
        complaints.extend(banned.iter().map(Value::to_string));
        complaints
    }

    /// Returns the only conversation that it had so far, once that is over.
    pub(crate) fn only_conversation(&self) -> Conversation {
        self.wait_for_connections(0);
        let dir = self.chain_dir().join("message_capture");
        let peers = fs::read_dir(dir).expect("it made one for the first message");
        let mut peers = peers.map(|it| it.expect("it can be read").path());
        let peer = peers.next().expect("it talked to somebody");
        assert_eq!(peers.next(), None, "it talked to somebody else too");
        Conversation {
            received: read_messages(&peer.join("msgs_recv.dat")),
            sent: read_messages(&peer.join("msgs_sent.dat")),
        }
    }

    fn log(&self) -> Vec<u8> {
        fs::read(self.chain_dir().join("debug.log")).expect("it writes one")
    }

    fn chain_dir(&self) -> PathBuf {
        self.dir.path().join("regtest")
    }

    fn cli(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.cli);
        command
            .args(["-regtest", "-rpcclienttimeout=10"])
            .arg(format!("-rpcport={}", self.port + 1))
            .arg(format!("-datadir={}", self.dir.path().display()))
            .args(words)
            .stdin(Stdio::null());
        command
    }

    fn wait_for_start(&mut self) {
        let is_up = wait_until(|| {
            let ended = self.process.try_wait().expect("it is our child");
            let answers = || self.cli(&["getblockcount"]).output().expect("bitcoin-cli");
            match ended {
                Some(_) => Some(false),
                None => answers().status.success().then_some(true),
            }
        });
        let stderr = fs::read_to_string(self.dir.path().join("stderr"));
        assert_eq!(is_up, Some(true), "it did not start: {stderr:?}");
    }
}

impl Drop for Bitcoind {
    fn drop(&mut self) {
        // Asked first and killed then: the program may be a script around the node.
        let asked = self.cli(&["stop"]).output();
        let is_ending = asked.is_ok_and(|it| it.status.success());
        if !is_ending || wait_until(|| self.process.try_wait().ok().flatten()).is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

impl Conversation {
    /// Returns the commands that the node received, in order.
    pub(crate) fn commands_received(&self) -> String {
        let commands: Vec<_> = self.received.iter().map(|it| &*it.command).collect();
        commands.join(" ")
    }

    /// Returns the payload of the only `command` that the node received.
    pub(crate) fn received(&self, command: &str) -> &[u8] {
        only(&self.received, command)
    }

    /// Returns the payload of the only `command` that the node sent.
    pub(crate) fn sent(&self, command: &str) -> &[u8] {
        only(&self.sent, command)
    }
}

fn only<'a>(messages: &'a [Message], command: &str) -> &'a [u8] {
    let mut all = messages.iter().filter(|it| it.command == command);
    match (all.next(), all.next()) {
        (Some(message), None) => &message.payload,
        (first, _) => panic!("{command}: {}", first.map_or("none", |_| "more than one")),
    }
}

/// Reads what `-capturemessages` writes: time (8 bytes), command (12), length (4) and payload of each message.
fn read_messages(path: &Path) -> Vec<Message> {
    let bytes = fs::read(path).expect("it was written");
    let mut rest = &bytes[..];
    let mut messages = Vec::new();
    while let Some((header, behind)) = rest.split_first_chunk::<24>() {
        let command = String::from_utf8_lossy(&header[8..20]);
        let len = u32::from_le_bytes([header[20], header[21], header[22], header[23]]);
        let len = usize::try_from(len).expect("a message fits into memory");
        let Some((payload, behind)) = behind.split_at_checked(len) else {
            break; // It is being written.
        };
        messages.push(Message {
            command: command.trim_end_matches('\0').to_owned(),
            payload: payload.to_vec(),
        });
        rest = behind;
    }
    messages
}
