//! `hello`: one handshake, told field by field.

use super::place::{Ended, Place, Sim, free_port};
use serde_json::{Value, json};

const STORY: &str = "\
127.1.0.0:PORT  (ipv4)
  # ms  connected, to speak v1 (in plain)
  # ms  -> version          90 bytes   Who I am: protocol version, services, time, user agent, height.
  # ms  <- version         102 bytes   Who I am: protocol version, services, time, user agent, height.
  # ms  <- wtxidrelay        0 bytes   Announce transactions by the hash that covers their witness.
  # ms  <- sendaddrv2        0 bytes   I understand addrv2.
  # ms  <- verack            0 bytes   I have read your version.
  # ms  -> verack            0 bytes   I have read your version.
  # ms  -> ping              8 bytes   Are you there?
  # ms  <- sendcmpct         9 bytes   I understand compact blocks of this version.
  # ms  <- ping              8 bytes   Are you there?
  # ms  <- feefilter         8 bytes   Announce no transaction that pays less than this per 1,000 bytes.
  # ms  <- pong              8 bytes   I am; here is your nonce back.
  # ms  the end: 170 bytes sent, 327 received
  complete: it answered with version and verack
  what its version message says
    protocol version  70016  since 70016 (Bitcoin Core 0.21.0, January 2021): wtxidrelay (BIP 339); addrv2 (BIP 155) came with it
    services          0xc09  NETWORK WITNESS NETWORK_LIMITED P2P_V2
    timestamp         1789000000  (2026-09-10T00:26:40Z)
    addr_recv         192.0.2.1:50000  (whom it thinks it talks to)
    addr_from         [::]:0  NETWORK WITNESS NETWORK_LIMITED P2P_V2
    nonce             0xf18d6ce93d6cf1ef
    user agent        /Satoshi:29.2.0/
    start height      900000
    relay             1  (announce transactions to me)
  what else it showed
    sendaddrv2    understands addresses of all networks (BIP 155)
    wtxidrelay    announces transactions by wtxid (BIP 339)
    sendcmpct     understands compact blocks of version 2 (BIP 152)
    feefilter     wants no transaction below 1,000 satoshis per 1,000 vbytes (BIP 133)
";

const BYTES: &str = "  its version message, 102 bytes
       0  80 11 01 00                                      protocol version
       4  09 0c 00 00 00 00 00 00                          services
      12  40 f9 a1 6a 00 00 00 00                          timestamp
      20  00 00 00 00 00 00 00 00                          addr_recv services
      28  00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 01  addr_recv address
      44  c3 50                                            addr_recv port
      46  09 0c 00 00 00 00 00 00                          addr_from services
      54  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  addr_from address
      70  00 00                                            addr_from port
      72  ef f1 6c 3d e9 6c 8d f1                          nonce
      80  10                                               user agent length
      81  2f 53 61 74 6f 73 68 69 3a 32 39 2e 32 2e 30 2f  user agent
      97  a0 bb 0d 00                                      start height
     101  01                                               relay
";

const REFUSED: &str = "\
127.0.0.1:1  (ipv4)
  # ms  no connection
  connect_refused: its host is there, but nothing listens on that port (Connection refused)
  Is the node running, and does it listen on that port (bind=, port=)?
";

#[test]
fn a_handshake_is_told_as_a_story() {
    let node = Node::start();
    check(node.hello("127.1.0.0:PORT --user-agent /me/"), 0, STORY);
    check(
        node.hello("127.1.0.0:PORT --user-agent /me/ --hex"),
        0,
        &[STORY, BYTES].concat(),
    );
}

#[test]
fn where_nobody_listens_it_says_what_to_do() {
    let node = Node::start();
    check(node.hello("127.0.0.1:1"), 3, REFUSED);
}

#[test]
fn several_are_told_in_the_order_in_which_they_were_named() {
    let node = Node::start();
    check(
        node.hello("127.0.0.1:1 127.1.0.0:PORT --user-agent /me/"),
        0,
        &[REFUSED, STORY].concat(),
    );
}

#[test]
fn programs_get_one_json_object_an_address() {
    let node = Node::start();
    let ended = node.hello("127.0.0.1:1 127.1.0.0:PORT --json");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let told = ended.stdout.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        ["address", "outcome", "user_agent", "start_height"].map(|it| row[it].clone())
    });
    let expected = [
        [
            json!("127.0.0.1:1"),
            json!("connect_refused"),
            Value::Null,
            Value::Null,
        ],
        [
            json!("127.1.0.0:PORT"),
            json!("complete"),
            json!("/Satoshi:29.2.0/"),
            json!(900_000),
        ],
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn a_proxy_reaches_the_same_node_by_its_own_address() {
    let node = Node::start();
    let ended = node.hello(&format!(
        "1.2.3.4 --user-agent /me/ {}",
        node.sim.via().replace("--max-rate 0", "")
    ));
    check(ended, 0, &STORY.replace("127.1.0.0:PORT", "1.2.3.4:8333"));
}

#[test]
fn what_can_not_be_called_is_said_and_why() {
    let node = Node::start();
    // Nobody listens at this proxy: whatever is an address after all goes nowhere.
    let hello = |whom: &str| node.hello(&format!("{whom} --proxy socks5://127.0.0.1:1"));
    for (whom, why) in [
        (
            "foo,bar",
            "it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address, and no host name either",
        ),
        ("1.2.3.4:99999", "its port is no number from 0 to 65535"),
    ] {
        let ended = hello(whom);
        let said = format!("bitcensus: {whom}: {why}\n");
        assert_eq!(
            (ended.code, ended.stdout.as_str(), ended.stderr),
            (Some(1), "", said)
        );
    }
    check(
        hello("dssqdj6pxnzkth6i.onion"),
        3,
        "\
dssqdj6pxnzkth6i.onion:8333  (onion)
  not_tried: it was not called (tor_v2)
  Tor dropped such short names in 2021; its operator has a longer one, if any.
",
    );
    check(
        hello("1.2.3.4:0"),
        3,
        "\
1.2.3.4:0  (ipv4)
  not_tried: it was not called (no_port)
  No node can have such an address; is it typed right?
",
    );
}

#[test]
fn v2_alone_with_a_node_of_v1_alone_says_what_to_do() {
    let node = Node::with_services(0x409);
    check(
        node.hello("127.1.0.0:PORT --transport v2"),
        3,
        "\
127.1.0.0:PORT  (ipv4)
  # ms  connected, to speak v2 (encrypted)
  # ms  the end: 64 bytes sent, 0 received
  v2_failed: the encrypted transport failed (it hung up before it proved to know v2, as nodes without v2 and full ones do)
  It may speak v1 alone, which is worth a call with --transport v1.
",
    );
}

#[test]
fn who_is_asked_for_addresses_tells_how_many_of_which_network() {
    let place = Place::new();
    let said = r#"[70016, "/Satoshi:29.2.0/", 1793491200, 3081, 900000]"#;
    let addrs = ["1.2.3.4:8333", "1.2.3.5:8333", "[2a01::1]:8333"];
    let nodes = addrs.map(|it| format!("\"{it}\": {said}")).join(", ");
    place.write("list.json", format!("{{\"nodes\": {{{nodes}}}}}"));
    let sim = place.sim("--from list.json");
    let ended = place.run(&format!(
        "hello 1.2.3.4 --user-agent /me/ --addresses {}",
        sim.via().replace("--max-rate 0", "")
    ));
    let asked = "  # ms  -> getaddr           0 bytes   Tell me addresses of nodes.\n";
    let told = "  # ms  <- addrv2           43 bytes   Addresses of nodes on every network.\n";
    let (ping, pong) = ("  # ms  -> ping ", "  # ms  <- pong ");
    let understood = "addrv2        0 bytes   I understand addrv2.\n";
    let expected = STORY
        .replace("127.1.0.0:PORT", "1.2.3.4:8333")
        .replace(
            "  # ms  -> verack",
            &format!("  # ms  -> send{understood}  # ms  -> verack"),
        )
        .replace(ping, &format!("{asked}{ping}"))
        .replace(pong, &format!("{told}{pong}"))
        .replace("170 bytes sent, 327", "218 bytes sent, 394");
    let expected = format!(
        "{expected}  it told 2 addresses\n    ipv4              1\n    ipv6              1\n"
    );
    check(ended, 0, &expected);
}

#[track_caller]
fn check(ended: Ended, code: i32, expected: &str) {
    assert_eq!(without_times(&ended.stdout), expected);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), ""));
}

/// A network of one node, which is `127.1.0.0:PORT` and, through the proxy, `1.2.3.4:8333`.
struct Node {
    place: Place,
    sim: Sim,
    port: String,
}

impl Node {
    fn start() -> Node {
        Node::with_services(0xc09)
    }

    fn with_services(services: u64) -> Node {
        let place = Place::new();
        let port = free_port().to_string();
        place.write(
            "list.json",
            format!(
                r#"{{"nodes": {{"1.2.3.4:8333": [70016, "/Satoshi:29.2.0/", 1793491200, {services}, 900000]}}}}"#
            ),
        );
        let mut sim = place.sim(&format!("--from list.json --direct {port}"));
        sim.wait_until_direct();
        Node { place, sim, port }
    }

    /// Says hello; the node's port is written `PORT`, here and in what comes back.
    fn hello(&self, words: &str) -> Ended {
        let ended = self
            .place
            .run(&format!("hello {}", words.replace("PORT", &self.port)));
        let port = format!(":{}", self.port);
        Ended {
            stdout: ended.stdout.replace(&port, ":PORT"),
            ..ended
        }
    }
}

/// Hides what differs from one call to the next.
fn without_times(story: &str) -> String {
    let lines = story.lines().map(|line| match line.split_once(" ms  ") {
        Some((_, what)) => format!("  # ms  {what}\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}
