//! Lists of other observers, each in the form that its program writes.

use proto::gossip::{Claim, ToldCounts};
use proto::{Outcome, PeerAddr};

use super::{I2P, ONION};
use crate::{Claimed, Format, Listed, ListedNode, Uptime, read_list};

#[test]
fn a_dump_of_sipas_seeder_says_how_long_nodes_were_up() {
    check(
        "# address                                        good  lastSuccess    %(2h)   %(8h)   %(1d)   %(7d)  %(30d)  blocks      svcs  version
159.203.122.25:8333                                1   1549113737  100.00% 100.00% 100.00%  99.50%  99.99%  561219  0000001d  70015 \"/Satoshi:0.15.1(a b)/\"
[2a01:4f8::1]:8334                                 0            0    0.00%   0.00%   0.00%   0.00%   0.00%       0  00000000      0 \"\"
",
        Format::SipaDump,
        &[
            node(
                "159.203.122.25:8333",
                Listed {
                    protocol_version: Some(70015),
                    user_agent: text("/Satoshi:0.15.1(a b)/"),
                    services: Some(0x1d),
                    height: Some(561_219),
                    seen_at: Some(1_549_113_737),
                    is_up: Some(true),
                    is_good: Some(true),
                    uptime: Some(Uptime {
                        hours_2: 100.0,
                        hours_8: 100.0,
                        day: 100.0,
                        week: 99.5,
                        month: 99.99,
                    }),
                    ..Listed::default()
                },
            ),
            node(
                "[2a01:4f8::1]:8334",
                Listed {
                    is_up: Some(false),
                    is_good: Some(false),
                    uptime: Some(Uptime::default()),
                    ..Listed::default()
                },
            ),
        ],
    );
}

#[test]
fn a_dump_of_dnsseedrs_has_longer_services_and_nodes_in_i2p() {
    check(
        &format!(
            "# address                                                             good  last_seen     %(2h)   %(8h)   %(1d)   %(1w)   %(1m)  blocks  services          version user_agent
{I2P}:0        1     1764325181  99.97%  99.97%  99.97%  99.97%   99.97% 925545  0000000000000c09  70016   \"/Satoshi:29.0.0/\"
"
        ),
        Format::DnsseedrsDump,
        &[node(
            &format!("{I2P}:0"),
            Listed {
                protocol_version: Some(70016),
                user_agent: text("/Satoshi:29.0.0/"),
                services: Some(0xc09),
                height: Some(925_545),
                seen_at: Some(1_764_325_181),
                is_up: Some(true),
                is_good: Some(true),
                uptime: Some(Uptime {
                    hours_2: 99.97,
                    hours_8: 99.97,
                    day: 99.97,
                    week: 99.97,
                    month: 99.97,
                }),
                ..Listed::default()
            },
        )],
    );
}

#[test]
fn the_csv_of_p2p_crawler_has_times_and_counts() {
    check(
        &format!(
            "host,port,network,seed_distance,handshake_timestamp,time_connect,handshake_attempts,handshake_successful,handshake_duration,version,services,user_agent,latest_block,relay,version_reply_timestamp_remote,requested_addrs,advertised_addrs_total,advertised_addrs_ipv4,advertised_addrs_ipv6,advertised_addrs_onion_v2,advertised_addrs_onion_v3,advertised_addrs_i2p,advertised_addrs_cjdns\r
2a01:4f8::1,8333,ipv6,2,1734410285,38,1,True,120,70016,3081,\"/Satoshi:27.1.0(\"\"a\"\",\nb)/\",877256,True,1734410284,True,1000,700,200,0,90,9,1\r
{ONION},8333,onion_v3,0,1734410286,900,3,True,2000,4294967295,0,,4294967295,False,18446744073709551615,False,0,0,0,0,0,0,0\r
"
        ),
        Format::VirtuCsv,
        &[
            node(
                "[2a01:4f8::1]:8333",
                Listed {
                    protocol_version: Some(70016),
                    user_agent: text("/Satoshi:27.1.0(\"a\",\nb)/"),
                    services: Some(3081),
                    height: Some(877_256),
                    seen_at: Some(1_734_410_285),
                    is_up: Some(true),
                    relay: Some(1),
                    timestamp: Some(1_734_410_284),
                    connect_us: Some(38_000),
                    handshake_us: Some(158_000),
                    attempts: Some(1),
                    seed_distance: Some(2),
                    told: Some(ToldCounts {
                        ipv4: 700,
                        ipv6: 200,
                        onion: 90,
                        i2p: 9,
                        cjdns: 1,
                        onion_v2: 0,
                        other: 0,
                    }),
                    ..Listed::default()
                },
            ),
            node(
                &format!("{ONION}:8333"),
                Listed {
                    protocol_version: Some(-1),
                    services: Some(0),
                    height: Some(-1),
                    seen_at: Some(1_734_410_286),
                    is_up: Some(true),
                    relay: Some(0),
                    timestamp: Some(-1),
                    connect_us: Some(900_000),
                    handshake_us: Some(2_900_000),
                    attempts: Some(3),
                    seed_distance: Some(0),
                    ..Listed::default()
                },
            ),
        ],
    );
}

#[test]
fn the_csv_of_peer_observer_says_who_told_of_whom_and_whether_it_was_there() {
    check(
        "result_timestamp,addr_address,addr_port,addr_services,addr_timestamp,addr_network_type,addr_version,source_address,source_id,source_tor_exit_node,result_success,result_cached,version,version_useragent,version_relay,version_version,version_services,version_start_height,version_nonce,version_timestamp,version_sender_address,version_sender_port
1764325181,IPv4(1.2.3.4),8333,1033,1764325100,IPv4,addrv2,9.9.9.9,77,false,true,false,true,/Satoshi:29.0.0/,true,70016,3081,925545,18446744073709551615,1764325182,5.6.7.8,8333
1764325182,2a01:4f8::1,8333,0,0,IPv6,addr,,0,false,false,false,false,,false,0,0,-1,0,0,,0
",
        Format::PeerObserverCsv,
        &[
            node(
                "1.2.3.4:8333",
                Listed {
                    protocol_version: Some(70016),
                    user_agent: text("/Satoshi:29.0.0/"),
                    services: Some(3081),
                    height: Some(925_545),
                    seen_at: Some(1_764_325_181),
                    is_up: Some(true),
                    relay: Some(1),
                    timestamp: Some(1_764_325_182),
                    nonce: Some(u64::MAX),
                    addr_from: Some(addr("5.6.7.8:8333")),
                    claimed: Some(Claimed {
                        by: Some(addr("9.9.9.9:0")),
                        time: Some(1_764_325_100),
                        services: Some(1033),
                    }),
                    ..Listed::default()
                },
            ),
            node(
                "[2a01:4f8::1]:8333",
                Listed {
                    seen_at: Some(1_764_325_182),
                    is_up: Some(false),
                    ..Listed::default()
                },
            ),
        ],
    );
}

#[test]
fn the_csv_of_bitnod_es_says_when_a_node_was_last_seen() {
    check(
        &format!(
            "export_date,ip_address,port,country,isp,services,protocol_version,user_agent,block_height
2026-08-01,1.2.3.4,8333,DE,\"Hetzner, GmbH\",3081,70016,/Satoshi:29.0.0/,925545
2026-06-30,{ONION},8333,,,,,,
"
        ),
        Format::BitnodEsCsv,
        &[
            node(
                "1.2.3.4:8333",
                Listed {
                    protocol_version: Some(70016),
                    user_agent: text("/Satoshi:29.0.0/"),
                    services: Some(3081),
                    height: Some(925_545),
                    country: text("DE"),
                    organisation: text("Hetzner, GmbH"),
                    seen_at: Some(1_785_542_400),
                    is_up: Some(true),
                    ..Listed::default()
                },
            ),
            node(
                &format!("{ONION}:8333"),
                Listed {
                    seen_at: Some(1_782_777_600),
                    is_up: Some(true),
                    ..Listed::default()
                },
            ),
        ],
    );
}

#[test]
fn an_answer_of_blockchair_names_what_it_says() {
    check(
        r#"{"data": {"count": 2, "countries": {"US": 2}, "nodes": {
            "1.2.3.4:8333": {"version": "/Satoshi:27.1.0/", "country": "US", "height": 877256, "flags": 1037},
            "2a01:4f8::1:8334": {"version": "/x/", "height": null}}},
            "context": {"code": 200}}"#,
        Format::Blockchair,
        &[
            node(
                "1.2.3.4:8333",
                Listed {
                    user_agent: text("/Satoshi:27.1.0/"),
                    services: Some(1037),
                    height: Some(877_256),
                    country: text("US"),
                    ..Listed::default()
                },
            ),
            node(
                "[2a01:4f8::1]:8334",
                Listed {
                    user_agent: text("/x/"),
                    ..Listed::default()
                },
            ),
        ],
    );
}

#[test]
fn visits_of_nebula_are_named_by_address_or_multiaddr() {
    check(
        &format!(
            r#"{{"PeerID":"1.2.3.4:8333","Maddrs":["/ip4/9.9.9.9/tcp/1"],"Protocols":null,"AgentVersion":"/Satoshi:29.0.0/","ConnectDuration":"38.2ms","CrawlDuration":"1m2.5s","VisitStartedAt":"2025-06-10T12:00:00.5Z","VisitEndedAt":"2025-06-10T12:01:03+02:00","ConnectErrorStr":"","CrawlErrorStr":"","Properties":{{"protocol_version":70016,"services":3081,"start_height":900000}}}}
{{"PeerID":"QmX","Maddrs":["/ip6/2a01:4f8::1/tcp/8333","/ip4/9.9.9.9/tcp/1"],"AgentVersion":"","ConnectDuration":"5s","VisitStartedAt":"2025-06-10T12:00:01Z","ConnectErrorStr":"io_timeout","Properties":null}}
{{"PeerID":"QmY","Maddrs":["/dns4/example.org/tcp/1","/onion3/{}:8333"],"VisitStartedAt":"2025-06-10T12:00:01Z","ConnectErrorStr":"unknown"}}
"#,
            ONION.trim_end_matches(".onion")
        ),
        Format::NebulaVisits,
        &[
            node(
                "1.2.3.4:8333",
                Listed {
                    protocol_version: Some(70016),
                    user_agent: text("/Satoshi:29.0.0/"),
                    services: Some(3081),
                    height: Some(900_000),
                    seen_at: Some(1_749_556_800),
                    is_up: Some(true),
                    outcome: Some(Outcome::Complete),
                    connect_us: Some(38_200),
                    ..Listed::default()
                },
            ),
            node(
                "[2a01:4f8::1]:8333",
                Listed {
                    seen_at: Some(1_749_556_801),
                    is_up: Some(false),
                    outcome: Some(Outcome::ConnectTimeout),
                    ..Listed::default()
                },
            ),
            node(
                &format!("{ONION}:8333"),
                Listed {
                    seen_at: Some(1_749_556_801),
                    is_up: Some(false),
                    outcome: Some(Outcome::ConnectOther),
                    ..Listed::default()
                },
            ),
        ],
    );
}

#[test]
fn neighbors_of_nebula_are_claims_of_their_teller() {
    let told = Listed {
        claimed: Some(Claimed {
            by: Some(addr("1.2.3.4:8333")),
            ..Claimed::default()
        }),
        ..Listed::default()
    };
    let claim = |it| Claim {
        addr: addr(it),
        time: None,
        services: 0,
    };
    check(
        r#"{"PeerID":"1.2.3.4:8333","NeighborIDs":["5.6.7.8:8333","[2a01:4f8::1]:8333"],"ErrorBits":"0000000000000000"}
{"PeerID":"1.2.3.5:8333","NeighborIDs":null,"ErrorBits":"0000000000000001"}
"#,
        Format::NebulaNeighbors,
        &[
            node(
                "1.2.3.4:8333",
                Listed {
                    is_up: Some(true),
                    claims: vec![claim("5.6.7.8:8333"), claim("[2a01:4f8::1]:8333")],
                    ..Listed::default()
                },
            ),
            node("5.6.7.8:8333", told.clone()),
            node("[2a01:4f8::1]:8333", told),
            node(
                "1.2.3.5:8333",
                Listed {
                    is_up: Some(true),
                    ..Listed::default()
                },
            ),
        ],
    );
}

#[track_caller]
fn check(list: &str, format: Format, expected: &[ListedNode]) {
    let mut seen = Vec::new();
    let report = read_list(list.as_bytes(), 8333, |it| seen.push(it)).unwrap();
    assert_eq!(report.skipped.first, []);
    assert_eq!(seen, expected);
    assert_eq!((report.format, report.n_read), (format, expected.len()));
}

fn node(at: &str, said: Listed) -> ListedNode {
    let said = Some(Box::new(said));
    ListedNode {
        addr: addr(at),
        said,
    }
}

fn addr(text: &str) -> PeerAddr {
    PeerAddr::parse(text, 8333).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "all texts of a list are optional")]
fn text(it: &str) -> Option<String> {
    Some(it.to_owned())
}
