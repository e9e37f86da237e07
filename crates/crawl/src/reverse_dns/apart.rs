//! The operating system's resolver against a name server on loopback, where nothing else can be reached.

use std::env;
use std::net::UdpSocket;
use std::process::Command;
use std::thread;

use super::*;

/// Set where this test runs again, in a network of its own.
const APART: &str = "BITCENSUS_APART";

const SCRIPT: &str = "\
ip link set lo up || exit 99
printf 'nameserver 127.0.0.1\\noptions timeout:1 attempts:1\\n' > \"$1\" || exit 99
mount --bind \"$1\" /etc/resolv.conf || exit 99
exec \"$0\" --exact reverse_dns::apart::the_resolver_of_the_system_is_asked --nocapture";

#[test]
fn the_resolver_of_the_system_is_asked() {
    if env::var_os(APART).is_some() {
        return ask_the_name_server();
    }
    let dir = tempfile::tempdir().unwrap();
    let run = Command::new("unshare")
        .args(["--map-root-user", "--net", "--mount", "sh", "-c", SCRIPT])
        .arg(env::current_exe().unwrap())
        .arg(dir.path().join("resolv.conf"))
        .env(APART, "1")
        .output();
    let run = match run {
        Ok(run) if run.status.code() != Some(99) && !run.stderr.starts_with(b"unshare:") => run,
        _ => return println!("skipped: this machine gives no network of one's own"),
    };
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{run:?}");
}

fn ask_the_name_server() {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    thread::spawn(move || serve(&socket));
    let ips = (0..6).map(|it| IpAddr::from([8, 8, 8, it]));
    let v6 = IpAddr::from([0x2a01, 0x4f8, 0, 0, 0, 0, 0, 1]);
    let answers = ask_system(ips.chain([v6]), &Bounds::default()).unwrap();
    let named = |name: &str| Some(name.to_owned());
    let expected = BTreeMap::from([
        (IpAddr::from([8, 8, 8, 0]), named("zero.example")),
        (IpAddr::from([8, 8, 8, 1]), None),
        // What can be no name is none.
        (IpAddr::from([8, 8, 8, 3]), None),
        (IpAddr::from([8, 8, 8, 4]), None),
        (v6, named("six.example")),
    ]);
    assert_eq!(
        (answers.names, answers.n_failed, answers.n_left),
        (expected, 2, 0)
    );
}

/// Answers each question by the first digit of the address that it is about, read from its end.
fn serve(socket: &UdpSocket) {
    let mut buffer = [0; 512];
    while let Ok((n, from)) = socket.recv_from(&mut buffer) {
        let question = &buffer[..n];
        let asked = question[13];
        let is_ipv6 = n > 60;
        let mut answer = question.to_vec();
        let (code, name): (u8, &[&[u8]]) = match asked {
            _ if is_ipv6 => (0, &[b"six", b"example"]),
            b'0' => (0, &[b"zero", b"example"]),
            b'1' => (3, &[]),
            b'2' => (2, &[]),
            b'3' => (0, &[b"<script>\x1b[31m", b"example"]),
            b'4' => (0, &[&[b'x'; 200]]),
            _ => continue,
        };
        answer[2..4].copy_from_slice(&[0x81, 0x80 | code]);
        answer.truncate(12 + question[12..].iter().position(|it| *it == 0).unwrap() + 5);
        // One question, and an answer where there is a name; nothing else.
        answer[4..12].copy_from_slice(&[0, 1, 0, u8::from(!name.is_empty()), 0, 0, 0, 0]);
        if !name.is_empty() {
            let mut written = Vec::new();
            for label in name {
                written.push(u8::try_from(label.len()).unwrap());
                written.extend_from_slice(label);
            }
            written.push(0);
            answer.extend_from_slice(&[0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0]);
            answer.push(u8::try_from(written.len()).unwrap());
            answer.extend_from_slice(&written);
        }
        socket.send_to(&answer, from).unwrap();
    }
}
