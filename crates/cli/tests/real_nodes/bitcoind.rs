//! A node of Bitcoin Core's family in regtest mode that stays on loopback, with what it says of itself and noted of us.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use data_encoding::BASE64;
use jiff::Timestamp;
use proto::PeerAddr;
use proto::gossip::Gossip;
use serde_json::{Value, json};
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
    program: PathBuf,
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
        let program = PathBuf::from(named_by("BITCOIND_EXE")?);
        let dir = tempfile::tempdir().expect("a folder can be made");
        let port = free_ports(2);
        let process = spawn(&program, dir.path(), host, port, settings);
        let mut node = Bitcoind {
            process,
            program,
            dir,
            host,
            port,
            log_of_start: 0,
        };
        node.wait_for_start();
        Some(node)
    }

    /// Ends the node and starts it again at the same address, with other settings.
    pub(crate) fn restart(&mut self, settings: &[&str]) {
        self.stop();
        let dir = self.dir.path();
        self.process = spawn(&self.program, dir, self.host, self.port, settings);
        self.wait_for_start();
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

    /// Puts addresses into its address book, as last seen `secs_ago`; it may have no place for some.
    ///
    /// It never dials them: [`STAY_HERE`].
    pub(crate) fn fill_book(&self, addrs: &[PeerAddr], secs_ago: i64) {
        let seen_at = Timestamp::now().as_second() - secs_ago;
        self.rpc(&["setmocktime", &seen_at.to_string()]);
        let call = |it: &PeerAddr| {
            let params = json!([host_text(it), it.port]);
            json!({ "id": 0, "method": "addpeeraddress", "params": params })
        };
        self.rpc_all(&addrs.iter().map(call).collect());
        self.rpc(&["setmocktime", "0"]);
    }

    /// Returns its address book, each entry as `export edges` writes it.
    pub(crate) fn book(&self) -> BTreeSet<String> {
        let entries = self.rpc(&["getnodeaddresses", "0"]);
        let entries = entries.as_array().expect("it is a list");
        let edges = entries.iter().map(|entry| {
            let host = entry["address"].as_str().expect("each has an address");
            let port = entry["port"].as_u64().and_then(|it| it.try_into().ok());
            let to = PeerAddr::from_host_text(host, port.expect("each has a port"));
            json!({
                "from": self.addr(),
                "to": to.expect("it took it as an address").to_string(),
                "time": entry["time"],
                "services": entry["services"],
            })
        });
        edges.map(|it| it.to_string()).collect()
    }

    /// Asks the node many questions at once, which its own client cannot.
    fn rpc_all(&self, calls: &Value) {
        let login = fs::read(self.chain_dir().join(".cookie")).expect("it made a login");
        let body = calls.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            BASE64.encode(&login),
            body.len()
        );
        let stream = TcpStream::connect(("127.0.0.1", self.port + 1));
        let mut stream = stream.expect("its RPC listens");
        let sent = stream.write_all(request.as_bytes());
        sent.expect("it takes the questions");
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        read.expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
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
        let mut command = Command::new(self.program.with_file_name("bitcoin-cli"));
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
        self.log_of_start = self.log().len();
    }

    fn stop(&mut self) {
        // Asked first and killed then: the program may be a script around the node.
        let asked = self.cli(&["stop"]).output();
        let is_ending = asked.is_ok_and(|it| it.status.success());
        if !is_ending || wait_until(|| self.process.try_wait().ok().flatten()).is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

impl Drop for Bitcoind {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Conversation {
    /// Returns how many addresses were in each `addrv2` message that the node sent, in order.
    pub(crate) fn addresses_sent(&self) -> Vec<usize> {
        let all = self.sent.iter().filter(|it| it.command == "addrv2");
        all.map(|it| Gossip::default().read_addrv2(&it.payload))
            .map(|n| n.expect("a node sent it"))
            .collect()
    }

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

fn spawn(program: &Path, dir: &Path, host: u8, port: u16, settings: &[&str]) -> Child {
    let log = File::create(dir.join("stderr")).expect("a file can be written");
    Command::new(program)
        .args(STAY_HERE)
        .args(WRITE_DOWN)
        .arg(SAME_FOR_ALL)
        .args(settings)
        .arg(format!("-bind=127.0.0.{host}:{port}"))
        .arg(format!("-rpcport={}", port + 1))
        .arg(format!("-datadir={}", dir.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("BITCOIND_EXE can be started")
}

/// Writes the host of an address alone.
fn host_text(addr: &PeerAddr) -> String {
    let text = addr.to_string();
    let host = text.strip_suffix(&format!(":{}", addr.port));
    host.unwrap_or(&text).trim_matches(['[', ']']).to_owned()
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
