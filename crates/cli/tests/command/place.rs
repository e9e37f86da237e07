//! A directory in which commands run, and a simulated network for them to call.
//!
//! Whatever a test says, no command leaves this machine: [`stays_here`] looks at each before it starts.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write, empty, pipe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use proto::Visit;
use record::{CrawlId, SqliteStore, Store};
use sim::truth::{TruthRow, read_ndjson};
use tempfile::TempDir;

/// The longest that a command may take here.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long calls through a [`Sim`] wait, in seconds: nobody honest is late even where two cores do everything.
pub(crate) const CALLERS_PATIENCE: u32 = 4;

/// Flags that no value follows.
const SWITCHES: [&str; 14] = [
    "--addresses",
    "--allow-private",
    "--cjdns",
    "--demo",
    "--dry-run",
    "--edges",
    "--handshake-only",
    "--hex",
    "--json",
    "--legacy",
    "--no-gossip",
    "--quiet",
    "--resume",
    "--show-race",
];

/// An empty directory, and the user's data directory of every command that runs in it.
pub(crate) struct Place {
    dir: TempDir,
}

/// A command that ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        let dir = TempDir::new().unwrap();
        Place { dir }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(file), text).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    /// The names of all files that are here.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let name = |it: fs::DirEntry| it.file_name().into_string().unwrap();
        entries.map(|it| name(it.unwrap())).collect()
    }

    /// Runs `bitcensus` with these words, to its end.
    pub(crate) fn run(&self, words: &str) -> Ended {
        self.start(words).end()
    }

    pub(crate) fn run_with_input(&self, words: &str, input: &str) -> Ended {
        let mut running = self.start(words);
        let mut stdin = running.child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        running.end()
    }

    pub(crate) fn start(&self, words: &str) -> Running {
        self.start_as(bitcensus(), words, Stdio::piped())
    }

    /// Runs `bitcensus` where nobody reads what it prints.
    pub(crate) fn run_unread(&self, words: &str) -> Ended {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        self.start_as(bitcensus(), words, writer.into()).end()
    }

    /// Runs `bitcensus` where nobody reads what it says meanwhile.
    pub(crate) fn run_unheard(&self, words: &str) -> Ended {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let started = self.spawn(bitcensus(), words, Stdio::piped(), writer.into());
        started.unwrap().end()
    }

    /// Runs `bitcensus` where there is no network at all, not even IPv6 on loopback; `None` where that cannot be had.
    #[cfg(target_os = "linux")]
    pub(crate) fn run_without_network(&self, words: &str) -> Option<Ended> {
        let mut apart = Command::new("unshare");
        let switch_off = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6";
        let script = format!("{switch_off} || exit 99; exec \"$0\" \"$@\"");
        apart.args(["--map-root-user", "--net", "sh", "-c", &script]);
        apart.arg(bitcensus().get_program());
        let ended = self.spawn(apart, words, Stdio::piped(), Stdio::piped());
        let ended = ended.ok()?.end();
        let began = ended.code != Some(99) && !ended.stderr.starts_with("unshare:");
        began.then_some(ended)
    }

    /// Runs `bitcensus` where at most `n` files may be open.
    #[cfg(unix)]
    pub(crate) fn run_with_files(&self, n: u32, words: &str) -> Ended {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {n} && exec \"$0\" \"$@\"")]);
        shell.arg(bitcensus().get_program());
        self.start_as(shell, words, Stdio::piped()).end()
    }

    /// Runs `bitcensus` where `small/` is a disk of so many bytes, whose files are in `kept/` afterwards; `None` where none can
    /// be had.
    #[cfg(target_os = "linux")]
    pub(crate) fn run_with_small_disk(&self, size: u32, words: &str) -> Option<Ended> {
        fs::create_dir(self.path("small")).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={size} none small || exit 99
             \"$0\" \"$@\"; code=$?; cp -r small kept; exit $code"
        );
        let mut apart = Command::new("unshare");
        apart.args(["--map-root-user", "--mount", "sh", "-c", &script]);
        apart.arg(bitcensus().get_program());
        let ended = self.start_as(apart, words, Stdio::piped()).end();
        let began = ended.code != Some(99) && !ended.stderr.starts_with("unshare:");
        began.then_some(ended)
    }

    fn start_as(&self, command: Command, words: &str, stdout: Stdio) -> Running {
        let split: Vec<_> = words.split_whitespace().collect();
        assert!(
            stays_here(&split, self.dir.path()),
            "could leave this machine: {words}"
        );
        self.spawn(command, words, stdout, Stdio::piped()).unwrap()
    }

    fn spawn(
        &self,
        mut command: Command,
        words: &str,
        stdout: Stdio,
        stderr: Stdio,
    ) -> io::Result<Running> {
        command
            .args(words.split_whitespace())
            .current_dir(self.dir.path())
            .env("HOME", self.dir.path())
            .env("XDG_DATA_HOME", self.dir.path())
            .env_remove("BITCENSUS_LOG")
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr);
        let mut child = command.spawn()?;
        Ok(Running {
            stdout: Lines::of_any(child.stdout.take()),
            stderr: Lines::of_any(child.stderr.take()),
            words: words.to_owned(),
            child,
        })
    }

    /// Starts a simulated network, whose addresses are in `nodes.txt`, those to find the others from in `seeds.txt`.
    pub(crate) fn sim(&self, words: &str) -> Sim {
        self.sim_at(0, words)
    }

    /// The same with its proxy on this port.
    pub(crate) fn sim_at(&self, port: u16, words: &str) -> Sim {
        let mut running = self.start(&format!(
            "sim --listen 127.0.0.1:{port} --list nodes.txt --seeds seeds.txt --truth truth.ndjson \
             --rtt-ms 5 --patience {CALLERS_PATIENCE} {words}"
        ));
        let proxy = running.stdout.wait_for("socks5://", &running.words);
        Sim { running, proxy }
    }

    /// What there is to find in the simulated network that was started last.
    pub(crate) fn truth(&self) -> Vec<TruthRow> {
        read_ndjson(self.read("truth.ndjson").as_bytes()).unwrap()
    }

    /// What the latest crawl of `c.db` found.
    pub(crate) fn found(&self) -> Vec<TruthRow> {
        let ended = self.run("export ndjson --db c.db");
        read_ndjson(ended.stdout.as_bytes()).unwrap()
    }

    /// All visits of the first crawl of `c.db`, in the order in which they were stored.
    pub(crate) fn visits(&self) -> Vec<Visit> {
        let store = SqliteStore::open_to_read(&self.path("c.db")).unwrap();
        let mut visits = Vec::new();
        let mut take = |visit| {
            visits.push(visit);
            Ok(())
        };
        store.read_visits(CrawlId(1), &mut take).unwrap();
        visits
    }

    /// What `c.db` says about its crawls: the number, the state and how many visits it has.
    pub(crate) fn crawls(&self) -> Vec<(i64, String, usize)> {
        let ended = self.run("crawls --json --db c.db");
        let crawls: Vec<serde_json::Value> = serde_json::from_str(&ended.stdout).unwrap();
        let row = |it: &serde_json::Value| {
            let state = it["state"].as_str()?.to_owned();
            let n_visits = usize::try_from(it["visits"].as_u64()?).ok()?;
            Some((it["crawl"].as_i64()?, state, n_visits))
        };
        crawls.iter().map(|it| row(it).unwrap()).collect()
    }
}

/// A simulated network; it ends with its value.
pub(crate) struct Sim {
    running: Running,
    proxy: String,
}

impl Sim {
    /// The words that send calls through it, as fast as can be and with as much patience as it was made for.
    pub(crate) fn via(&self) -> String {
        via(&self.proxy)
    }

    /// The same for a crawl, which calls each node once, follows nobody, and may come again at once.
    pub(crate) fn once(&self) -> String {
        format!("{} --no-gossip --retries 0 --min-interval 0", self.via())
    }

    /// The same for a crawl that follows what nodes tell.
    pub(crate) fn all(&self) -> String {
        all(&self.proxy)
    }

    /// Waits until it also listens directly, after which it says so.
    #[cfg(target_os = "linux")]
    pub(crate) fn wait_until_direct(&mut self) {
        let words = &self.running.words;
        self.running.stderr.wait_for("and directly from", words);
    }
}

fn via(proxy: &str) -> String {
    let secs = CALLERS_PATIENCE;
    format!(
        "--proxy {proxy} --max-rate 0 --connect-timeout {secs} --handshake-timeout {secs} --answer-timeout {secs}"
    )
}

/// The words of a crawl through `proxy` that follows what nodes tell.
///
/// Answers are long, and some come a byte at a time: with few calls at once, and more patience than these were made for,
/// none is late. Slow drips are slower still.
pub(crate) fn all(proxy: &str) -> String {
    format!(
        "--proxy {proxy} --max-rate 0 --max-in-flight 200 --min-interval 0 --retry-after 1 \
         --connect-timeout {CALLERS_PATIENCE} --handshake-timeout 8 --addr-timeout 10"
    )
}

/// A command that runs; it ends with its value.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) stderr: Lines,
    stdout: Lines,
    words: String,
}

impl Running {
    /// Waits until a line with `part` is on stderr, and returns that line.
    pub(crate) fn wait_for(&mut self, part: &str) -> String {
        self.stderr.wait_for(part, &self.words)
    }

    /// Waits until a line with `part` is on stdout, and returns that line.
    pub(crate) fn wait_for_result(&mut self, part: &str) -> String {
        self.stdout.wait_for(part, &self.words)
    }

    /// Does what Ctrl-C does, or SIGTERM: `INT` or `TERM`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &id])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let stdout = self.stdout.read_to_end(&self.words);
        let stderr = self.stderr.read_to_end(&self.words);
        // Both ends are closed: it is about to exit.
        let code = self.child.wait().unwrap().code();
        Ended {
            code,
            stdout,
            stderr,
        }
    }

    /// Waits for the end, and returns the most memory that it was seen to have taken, in kB.
    #[cfg(target_os = "linux")]
    pub(crate) fn end_and_weigh(self) -> (Ended, u64) {
        // What is known of a child that has ended counts what it shared with its parent when it began.
        let status = format!("/proc/{}/status", self.child.id());
        let (ended, inbox) = channel();
        let weigh = thread::spawn(move || {
            let mut peak = 0;
            loop {
                let text = fs::read_to_string(&status).unwrap_or_default();
                let line = text.lines().find_map(|it| it.strip_prefix("VmHWM:"));
                let kb = line.and_then(|it| it.trim().strip_suffix(" kB"));
                peak = kb.map_or(peak, |it| it.parse().unwrap());
                match inbox.recv_timeout(Duration::from_millis(20)) {
                    Ok(ended) => return (ended, peak),
                    Err(RecvTimeoutError::Timeout) => (),
                    Err(RecvTimeoutError::Disconnected) => panic!("it never ended"),
                }
            }
        });
        ended.send(self.end()).unwrap();
        weigh.join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command prints, line by line as it comes.
pub(crate) struct Lines {
    inbox: Receiver<String>,
    seen: String,
    until: Instant,
}

impl Lines {
    fn of_any(pipe: Option<impl Read + Send + 'static>) -> Lines {
        pipe.map_or_else(|| Lines::of(empty()), Lines::of)
    }

    fn of(pipe: impl Read + Send + 'static) -> Lines {
        let (lines, inbox) = channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let _ = lines.send(line.unwrap());
            }
        });
        Lines {
            inbox,
            seen: String::new(),
            until: Instant::now() + PATIENCE,
        }
    }

    fn wait_for(&mut self, part: &str, words: &str) -> String {
        loop {
            match self.next(words) {
                Some(line) if line.contains(part) => return line,
                Some(_) => (),
                None => panic!("`{words}` never said {part:?}:\n{}", self.seen),
            }
        }
    }

    fn read_to_end(&mut self, words: &str) -> String {
        while self.next(words).is_some() {}
        std::mem::take(&mut self.seen)
    }

    fn next(&mut self, words: &str) -> Option<String> {
        let left = self.until.saturating_duration_since(Instant::now());
        let line = match self.inbox.recv_timeout(left) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("`{words}` takes too long; it said\n{}", self.seen)
            }
        };
        self.seen.push_str(&line);
        self.seen.push('\n');
        Some(line)
    }
}

fn bitcensus() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bitcensus"))
}

/// Returns a port on which nobody listens.
#[cfg(unix)]
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Flags whose value is a way out.
const WAYS: [&str; 3] = ["--proxy", "--tor", "--i2p"];

/// Whether a command can reach nothing but loopback: through a proxy there, or because it names nobody else.
fn stays_here(words: &[&str], dir: &Path) -> bool {
    // Names are asked for of whatever resolver this machine has.
    if words.contains(&"--rdns") {
        return false;
    }
    if let ["data", "update", rest @ ..] = words {
        let from = rest.strip_prefix(&["--from"]).and_then(|it| it.first());
        return from.is_some_and(|it| !it.contains("://") || it.starts_with("http://127.0.0.1:"));
    }
    let Some((&command @ ("crawl" | "hello" | "watch" | "race"), rest)) = words.split_first()
    else {
        return true;
    };
    let (mut has_proxy, mut has_other_way) = (false, false);
    let mut named = Vec::new();
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        if SWITCHES.contains(word) {
            continue;
        } else if word.starts_with("--") {
            let value = rest.next().unwrap_or(&"");
            let at = value.split("://").last().unwrap_or(value);
            let is_here = at == "127.0.0.1" || at.starts_with("127.0.0.1:");
            if WAYS.contains(word) && !is_here {
                return false;
            }
            has_proxy |= *word == "--proxy" && value.starts_with("socks5://");
            has_other_way |= WAYS.contains(word) && *word != "--proxy";
        } else {
            named.push(*word);
        }
    }
    // A crawl that names no source means the DNS seeds, unless it goes on with whatever it knows.
    let goes_on = words.contains(&"--resume");
    let asks_seeds = named.is_empty() && !matches!(command, "hello" | "race") && !goes_on;
    if asks_seeds || named.contains(&"dns") {
        return false;
    }
    has_proxy
        || !goes_on
            && named.iter().all(|it| match command {
                "hello" => it.starts_with("127."),
                _list => fs::read_to_string(dir.join(it))
                    .is_ok_and(|list| list.lines().all(|it| has_no_way_out(it, has_other_way))),
            })
}

/// Whether an address is on this machine, or there is no way to it but those that flags name.
fn has_no_way_out(address: &str, has_other_way: bool) -> bool {
    let needs_a_flag = [".onion:8333", ".b32.i2p:0"];
    // Where there is one, what is told there of the internet would be called too.
    address.starts_with("127.")
        || !has_other_way && needs_a_flag.iter().any(|it| address.ends_with(it))
}

#[test]
fn what_could_leave_this_machine_is_not_run() {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n127.1.2.3:4\n");
    place.write("out.txt", "127.0.0.1:1\n1.2.3.4:8333\n");
    let check = |words: &str, expected: bool| {
        let split: Vec<_> = words.split_whitespace().collect();
        assert_eq!(stays_here(&split, place.dir.path()), expected, "{words}");
    };
    check("crawls", true);
    check("crawl here.txt --allow-private --db c.db", true);
    check("crawl out.txt --proxy socks5://127.0.0.1:9 --db c.db", true);
    check("crawl --db c.db", false);
    check("crawl --proxy socks5://127.0.0.1:9 --db here.txt", false);
    check("crawl dns --proxy socks5://127.0.0.1:9", false);
    check("crawl out.txt", false);
    check("crawl out.txt --proxy socks5://192.168.0.1:9", false);
    check("crawl here.txt --proxy socks5://192.168.0.1:9", false);
    check("crawl here.txt --proxy socks5://127.0.0.1.x:9", false);
    check("crawl out.txt --proxy http://127.0.0.1:9", false);
    check("crawl here.txt --tor socks5://192.168.0.1:9", false);
    check("crawl here.txt --i2p 192.168.0.1:9", false);
    check("crawl http://127.0.0.1/nodes.txt", false);
    check("watch here.txt --every 2s --db c.db", true);
    check("watch --every here.txt", false);
    check("watch out.txt", false);
    check("watch out.txt --proxy socks5://127.0.0.1:9", true);
    check("watch dns --proxy socks5://127.0.0.1:9", false);
    check("crawl --resume --db c.db", false);
    check(
        "crawl --resume --proxy socks5://127.0.0.1:9 --db c.db",
        true,
    );
    check("watch --db c.db", false);
    check("watch out.txt", false);
    check("watch here.txt --every 60", true);
    check("data", true);
    check("data update", false);
    check("data update --from asmap.dat", true);
    check("data update --from http://127.0.0.1:9/asmap.dat", true);
    check("data update --from http://192.168.0.1:9/asmap.dat", false);
    check("data update --from https://127.0.0.1.x/asmap.dat", false);
    check("data lookup 8.8.8.8", true);
    check("data lookup 8.8.8.8 --rdns", false);
    check("race", true);
    check("race --demo --nodes 3", true);
    check("race here.txt --allow-private", true);
    check("race out.txt --proxy socks5://127.0.0.1:9", true);
    check("race out.txt --nodes 3", false);
    check("race dns", false);
    check("hello", true);
    check("hello 127.0.0.1:1 --hex", true);
    check("hello 127.0.0.1:1 localhost", false);
    check("hello 1.2.3.4 --proxy socks5://127.0.0.1:9", true);
}
