//! The manners of old: today's nodes take the protocol version of 2010, and those of 2011 understand nothing else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crawl::dial::ways::Ways;
use crawl::dial::{Dialer, Target};
use crawl::patience;
use crawl::visit::{Caller, Manners, Transports};
use proto::framing::v1::{Decoder, HeaderForm, encode};
use proto::gossip::{AddrEntry, encode_addr};
use proto::session::Questions;
use proto::version::NetAddr;
use proto::visit::Dialect;
use proto::{Call, Chain, Host, Message, Outcome, PeerAddr, SessionConfig, Version, command};
use serde_json::json;

use crate::bitcoind::Bitcoind;
use crate::census::{Census, Exit, hello};

/// The protocol version of 2010 and 2011, which the node of these tests speaks alone.
const OLD_VERSION: i32 = 31_800;

#[test]
fn a_node_of_today_takes_the_protocol_version_of_2010() {
    let Some(node) = Bitcoind::start(2, &[]) else {
        return;
    };
    let others = (0..100).map(|n| PeerAddr::new(Host::Ipv4([25, n, 0, 1]), 8333));
    node.fill_book(&others.collect::<Vec<_>>(), 60);

    let heard = call(&node.addr(), Questions::Features);
    assert_eq!(heard.outcome, Outcome::Complete);
    // It answers no ping to a caller of that time, so there is nothing to wait for.
    assert!(heard.took < patience::IP.answer, "{heard:?}");

    let asked = call(&node.addr(), Questions::Addresses);
    assert_eq!(asked.outcome, Outcome::Complete);
    assert!(asked.took < patience::IP.addrs / 2, "{asked:?}");
    let gossip = asked.heard.gossip.expect("it was asked");
    assert_eq!(gossip.told.ipv4, 23);
    let told = gossip.claims.iter().map(|claim| {
        let (from, to) = (node.addr(), claim.addr.to_string());
        let edge =
            json!({ "from": from, "to": to, "time": claim.time, "services": claim.services });
        edge.to_string()
    });
    let book = node.book();
    let not_in_book: Vec<_> = told.filter(|it| !book.contains(it)).collect();
    assert_eq!(not_in_book, [""; 0]);
    // We are gone before it has said all, of which it may complain.
    assert_eq!(node.rpc(&["listbanned"]), json!([]));
}

#[test]
fn a_node_of_2011_is_found_by_who_asks_in_its_manner() {
    let node = start_node_of_2011();
    let (exit, story) = hello(&["--network", "regtest", "--legacy", "--addresses", &node]);
    assert_eq!(exit, Exit::Done);
    let first = format!("{node}  (ipv4), which answers to the manner of 2010 without checksums");
    assert_eq!(story.lines().next(), Some(&*first));
    let last = "  it told 2 addresses\n    ipv4              2\n";
    assert!(story.ends_with(last), "{story}");

    let census = Census::of("regtest");
    let (exit, _) = census.crawl(std::slice::from_ref(&node), &[]);
    assert_eq!(exit, Exit::NobodyAnswered);
    let line = census.nodes()[&node].clone();
    let seen = [&line["outcome"], &line["dialect"]];
    assert_eq!(seen, [&json!("closed_before_version"), &json!(null)]);

    let (exit, _) = census.crawl(std::slice::from_ref(&node), &["--legacy"]);
    assert_eq!(exit, Exit::Done);
    let line = census.nodes()[&node].clone();
    let keys = [
        "outcome",
        "dialect",
        "transport",
        "protocol_version",
        "addresses_told",
    ];
    let expected = json!(["complete", "old_no_checksum", "v1", OLD_VERSION, { "ipv4": 2 }]);
    assert_eq!(json!(keys.map(|it| line[it].clone())), expected);
}

/// Calls with the protocol version of 2010.
fn call(addr: &str, questions: Questions) -> Call {
    let dialer = Dialer {
        ways: Ways::direct(),
        allow_private: true,
        opt_out: Arc::default(),
    };
    let session = SessionConfig {
        chain: Chain::Regtest,
        questions,
        ..SessionConfig::default()
    };
    let caller = Caller::new(dialer, Transports::Auto, &session, |_| patience::IP);
    let manners = Manners {
        dialect: Dialect::Old,
        ..Manners::default()
    };
    let target = Target::Addr(PeerAddr::parse(addr, 0).expect("it is an address"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be had");
    let call = runtime.block_on(caller.call(&target, manners));
    call.expect("this machine has room for one call")
}

/// Starts a node that understands headers without checksum alone, and hangs up on everybody else; returns its address.
fn start_node_of_2011() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("it listens").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever hangs up in the middle is the next caller's business no more.
            let _ = stream.and_then(talk);
        }
    });
    addr
}

fn talk(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let magic = Chain::Regtest.magic();
    let mut form = HeaderForm::WithoutChecksum;
    let mut decoder = Decoder::new(magic, form, 1_000);
    let mut bytes = [0; 1_000];
    loop {
        let n = stream.read(&mut bytes)?;
        if n == 0 {
            return Ok(());
        }
        decoder.feed(&bytes[..n]);
        while let Ok(Some(frame)) = decoder.next_frame() {
            let payload = frame.payload.unwrap_or_default();
            let answer = match frame.command {
                command::VERSION => {
                    // A header with checksum has it where the payload is expected.
                    if !payload.starts_with(&OLD_VERSION.to_le_bytes()) {
                        return Ok(());
                    }
                    let version = Message::Version(Box::new(own_version())).encode();
                    let mut answer = encode(magic, form, command::VERSION, &version);
                    answer.extend(encode(magic, form, command::VERACK, &[]));
                    answer
                }
                command::VERACK => {
                    form = HeaderForm::WithChecksum;
                    decoder.set_form(form);
                    continue;
                }
                command::GETADDR => encode(magic, form, command::ADDR, &encode_addr(&others())),
                _ => continue,
            };
            stream.write_all(&answer)?;
        }
    }
}

fn own_version() -> Version {
    Version {
        protocol_version: OLD_VERSION,
        services: 1,
        addr_from: Some(NetAddr::default()),
        nonce: Some(2_011),
        user_agent: Some(Vec::new()),
        start_height: Some(120_000),
        ..Version::default()
    }
}

fn others() -> Vec<AddrEntry> {
    let entry = |n| AddrEntry {
        time: Some(1_300_000_000),
        services: 1,
        ip: Host::Ipv4([25, 0, 0, n]).to_ip16().expect("it is one"),
        port: 8333,
    };
    vec![entry(1), entry(2)]
}
