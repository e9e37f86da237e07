use proto::gossip::ToldCounts;

use super::*;
use crate::{Claimed, Format, Uptime, read_list};

const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333";
const I2P: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p:0";

/// What peers send that other programs stumble over.
const HOSTILE: [&str; 8] = [
    "\"",
    "a\"b,c\r\nd\n",
    "=1+1",
    "-1",
    "\u{202e}evil\0",
    " ",
    "\t@x",
    "é�",
];

/// Nothing is lost on the way but what the form has no room for, which is lost the first time.
#[test]
fn what_was_written_is_read_and_written_as_it_was() {
    let forms = [
        (Form::BitnodesExport, Format::BitnodesExport),
        (Form::BitnodesCrawl, Format::BitnodesCrawl),
        (Form::Sipa, Format::SipaDump),
        (Form::Dnsseedrs, Format::DnsseedrsDump),
        (Form::Seeds, Format::Plain),
        (Form::Virtu, Format::VirtuCsv),
        (Form::PeerObserver, Format::PeerObserverCsv),
        (Form::BitnodEs, Format::BitnodEsCsv),
    ];
    let mut nodes = sample();
    // A dump has nothing for whom nobody knows but what it has for whom nobody reached.
    nodes.retain(|it| it.said.is_some());
    for (form, format) in forms {
        let first = written(form, false, &nodes);
        let mut read = Vec::new();
        let report = read_list(first.as_bytes(), 8333, |it| read.push(it)).unwrap();
        assert_eq!((report.format, report.skipped.first), (format, vec![]));
        assert_eq!(written(form, false, &read), first, "{form:?}");
    }
}

#[test]
fn rows_of_bitnodes_export() {
    check(
        Form::BitnodesExport,
        r#"[
["1.2.3.4",8333,70016,"/Satoshi:27.1.0/",1793491200,3081,900000,"host.example","Berlin","DE",52.52,13.4,"Europe/Berlin","AS24940","Hetzner Online GmbH"],
["pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",8333,-1,"/a\"b,\n c/",1793491200,18446744073709551615,-1,null,null,null,0.0,0.0,null,"TOR","Tor network"],
["2a01::1",8333,0,"",0,0,0,null,null,null,null,null,null,null,null],
["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p",0,0,"",0,0,0,null,null,null,null,null,null,null,null]
]
"#,
    );
}

#[test]
fn rows_of_a_bitnodes_crawl() {
    check(
        Form::BitnodesCrawl,
        r#"[
["1.2.3.4",8333,3081,900000],
["pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",8333,18446744073709551615,-1],
["2a01::1",8333,0,0],
["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p",0,0,0]
]
"#,
    );
}

#[test]
fn the_dump_of_sipas_seeder() {
    check(
        Form::Sipa,
        r#"# address                                        good  lastSuccess    %(2h)   %(8h)   %(1d)   %(7d)  %(30d)  blocks      svcs  version
1.2.3.4:8333                                        1   1793491200  100.00%  99.99%  50.50%   7.00%   0.01%  900000  00000c09  70016 "/Satoshi:27.1.0/"
pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333     0   1793491200    0.00%   0.00%   0.00%   0.00%   0.00%      -1  ffffffffffffffff     -1 "/a_b,_ c/"
[2a01::1]:8333                                      0            0    0.00%   0.00%   0.00%   0.00%   0.00%       0  00000000      0 ""
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p:0     0            0    0.00%   0.00%   0.00%   0.00%   0.00%       0  00000000      0 ""
"#,
    );
}

#[test]
fn the_dump_of_dnsseedrs() {
    check(
        Form::Dnsseedrs,
        r#"# address                                                             good  last_seen    %(2h)   %(8h)   %(1d)   %(1w)   %(1m)   blocks  services          version user_agent
1.2.3.4:8333                                                          1     1793491200  100.00%  99.99%  50.50%   7.00%    0.01% 900000  0000000000000c09  70016   "/Satoshi:27.1.0/"
pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333   0     1793491200    0.00%   0.00%   0.00%   0.00%    0.00% -1      ffffffffffffffff  -1      "/a_b,_ c/"
5.6.7.8:8333                                                          0     0             0.00%   0.00%   0.00%   0.00%    0.00% 0       0000000000000000  0       ""
[2a01::1]:8333                                                        0     0             0.00%   0.00%   0.00%   0.00%    0.00% 0       0000000000000000  0       ""
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p:0        0     0             0.00%   0.00%   0.00%   0.00%    0.00% 0       0000000000000000  0       ""
"#,
    );
}

#[test]
fn fixed_seeds() {
    check(
        Form::Seeds,
        "1.2.3.4:8333 # AS24940
pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333
[2a01::1]:8333
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p:0
",
    );
}

#[test]
fn the_csv_of_virtus_crawler() {
    let expected = r#"host,port,network,seed_distance,handshake_timestamp,time_connect,handshake_attempts,handshake_successful,handshake_duration,version,services,user_agent,latest_block,relay,version_reply_timestamp_remote,requested_addrs,advertised_addrs_total,advertised_addrs_ipv4,advertised_addrs_ipv6,advertised_addrs_onion_v2,advertised_addrs_onion_v3,advertised_addrs_i2p,advertised_addrs_cjdns
1.2.3.4,8333,ipv4,2,1793491200,20,1,True,40,70016,3081,/Satoshi:27.1.0/,900000,True,1793491199,True,993,990,0,1,2,0,0
pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion,8333,onion_v3,,1793491200,,,True,,4294967295,18446744073709551615,"/a""b,
 c/",4294967295,False,18446744073709551615,False,0,0,0,0,0,0,0
2a01::1,8333,ipv6,,,,,True,,,,,,,,False,0,0,0,0,0,0,0
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p,0,i2p,,,,,True,,,,,,,,False,0,0,0,0,0,0,0
"#;
    // The line end inside the quotes is the peer's own.
    let expected = expected.replace('\n', "\r\n").replace("b,\r\n", "b,\n");
    check(Form::Virtu, &expected);
}

#[test]
fn the_csv_of_peer_observer() {
    check(
        Form::PeerObserver,
        r#"result_timestamp,addr_address,addr_port,addr_services,addr_timestamp,addr_network_type,addr_version,source_address,source_id,source_tor_exit_node,result_success,result_cached,version,version_useragent,version_relay,version_version,version_services,version_start_height,version_nonce,version_timestamp,version_sender_address,version_sender_port
1793491200,IPv4(1.2.3.4),8333,9,1793400000,IPv4,,2a01::2,0,false,true,false,true,/Satoshi:27.1.0/,true,70016,3081,900000,18446744073709551615,1793491199,9.9.9.9,8333
1793491200,TorV3(pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion),8333,0,0,TorV3,,,0,false,true,false,true,"/a""b,
 c/",false,4294967295,18446744073709551615,-1,0,-1,,0
1793491300,IPv4(5.6.7.8),8333,0,0,IPv4,,,0,false,false,false,false,,false,0,0,-1,0,0,,0
0,IPv6(2a01::1),8333,0,0,IPv6,,,0,false,false,false,false,,false,0,0,-1,0,0,,0
0,I2p(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p),0,0,0,I2p,,,0,false,false,false,false,,false,0,0,-1,0,0,,0
"#,
    );
}

#[test]
fn the_daily_file_of_bitnod_es() {
    check(
        Form::BitnodEs,
        r#"export_date,ip_address,port,country,isp,services,protocol_version,user_agent,block_height
2026-11-01,1.2.3.4,8333,DE,Hetzner Online GmbH,3081,70016,/Satoshi:27.1.0/,900000
2026-11-01,pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion,8333,,Tor network,18446744073709551615,-1,"/a""b,
 c/",-1
,2a01::1,8333,,,,,,
,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p,0,,,,,,
"#,
    );
}

#[test]
fn makeseeds_of_bitcoin_core_reads_both_dumps() {
    let expected = [
        "1.2.3.4:8333 good 1, seen 1793491200, up 0.01 %, blocks 900000, services 0xc09, version 70016, agent /Satoshi:27.1.0/",
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333 good 0, seen 1793491200, up 0 %, blocks -1, \
         services 0xffffffffffffffff, version -1, agent /a_b,",
        "[2a01::1]:8333 good 0, seen 0, up 0 %, blocks 0, services 0x0, version 0, agent ",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p:0 good 0, seen 0, up 0 %, blocks 0, services 0x0, version 0, agent ",
    ];
    for form in [Form::Sipa, Form::Dnsseedrs] {
        let read = makeseeds(&written(form, false, &sample()));
        let up: Vec<_> = read.iter().filter(|it| !it.starts_with("5.6.")).collect();
        assert_eq!(up, expected.iter().collect::<Vec<_>>(), "{form:?}");
    }
}

#[test]
fn no_user_agent_breaks_a_row() {
    let long = "\"\n".repeat(30_000);
    let mut agents = HOSTILE.to_vec();
    agents.push(&long);
    let nodes: Vec<ListedNode> = agents.iter().map(|it| named(it)).collect();
    for form in [Form::Virtu, Form::PeerObserver, Form::BitnodEs] {
        let read = csv_agents(&written(form, false, &nodes));
        let expected = agents.iter().map(|it| it.replace('\0', "\u{fffd}"));
        assert_eq!(read, expected.collect::<Vec<_>>(), "{form:?}");
    }
    for form in [Form::Sipa, Form::Dnsseedrs] {
        let text = written(form, false, &nodes);
        assert_eq!(makeseeds(&text).len(), nodes.len(), "{form:?}");
        assert!(text.lines().all(|it| it.len() < 500), "{form:?}");
        let lines = text.lines().skip(1);
        let quoted: Vec<&str> = lines.map(|it| it.split('"').nth(1).unwrap()).collect();
        let expected = ["_", "a_b,c__d_", "_1_1", "-1", "_evil_", " ", "_@x", "__"];
        assert_eq!(quoted[..8], expected, "{form:?}");
        assert_eq!(quoted[8], "_".repeat(256), "{form:?}");
    }
    let mut read = Vec::new();
    let text = written(Form::BitnodesExport, false, &nodes);
    read_list(text.as_bytes(), 8333, |it| read.push(it)).unwrap();
    let read = read.into_iter().map(|it| it.said.unwrap().user_agent);
    let read: Vec<_> = read.collect();
    assert_eq!(
        read,
        agents
            .iter()
            .map(|it| Some((*it).to_owned()))
            .collect::<Vec<_>>()
    );
}

#[test]
fn formulas_are_made_harmless_on_request() {
    let nodes: Vec<ListedNode> = HOSTILE.iter().map(|it| named(it)).collect();
    let expected = [
        "\"",
        "a\"b,c\r\nd\n",
        "'=1+1",
        "'-1",
        "\u{202e}evil\u{fffd}",
        " ",
        "'\t@x",
        "é�",
    ];
    let text = written(Form::BitnodEs, true, &nodes);
    assert_eq!(csv_agents(&text), expected);
    // A number is no text.
    assert!(text.contains(",-1\n"), "{text}");
}

#[test]
fn our_own_readers_read_what_they_know() {
    for form in [Form::BitnodesExport, Form::BitnodesCrawl] {
        let text = written(form, false, &sample()[..2]);
        let mut read = Vec::new();
        let report = read_list(text.as_bytes(), 8333, |it| read.push(it)).unwrap();
        let expected = match form {
            Form::BitnodesExport => Format::BitnodesExport,
            _ => Format::BitnodesCrawl,
        };
        assert_eq!(report.format, expected);
        assert_eq!(written(form, false, &read), text);
    }
    for form in [Form::Seeds, Form::Sipa, Form::Dnsseedrs] {
        let text = written(form, false, &sample());
        let mut read = Vec::new();
        let report = read_list(text.as_bytes(), 8333, |it| read.push(it.addr)).unwrap();
        let expected = sample().into_iter().filter(|it| {
            let is_up = it.said.as_ref().and_then(|it| it.is_up);
            form.has_unreached() || is_up != Some(false)
        });
        assert_eq!(read, expected.map(|it| it.addr).collect::<Vec<_>>());
        assert_eq!(report.skipped.n, 0);
    }
}

#[test]
fn an_empty_list_is_a_list() {
    assert_eq!(written(Form::BitnodesExport, false, &[]), "[\n]\n");
    assert_eq!(written(Form::Seeds, false, &[]), "");
    assert_eq!(written(Form::Virtu, false, &[]).lines().count(), 1);
}

#[test]
fn a_full_disk_ends_the_list_and_is_known_for_what_it_is() {
    for form in [Form::BitnodesExport, Form::Seeds, Form::Virtu] {
        let mut out = [0; 1_000];
        let mut writer = ListWriter::new(form, false, &mut out[..]).unwrap();
        let nodes = sample().into_iter().cycle().take(1_000);
        let written = nodes.map(|it| writer.add(&it)).find(Result::is_err);
        let why = written.unwrap().unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::WriteZero, "{form:?}");
    }
}

fn addr(text: &str) -> PeerAddr {
    PeerAddr::parse(text, 8333).unwrap()
}

fn node(text: &str, said: Listed) -> ListedNode {
    ListedNode {
        addr: addr(text),
        said: Some(Box::new(said)),
    }
}

fn named(user_agent: &str) -> ListedNode {
    node(
        "1.2.3.4:8333",
        Listed {
            user_agent: Some(user_agent.to_owned()),
            height: Some(-1),
            is_up: Some(true),
            ..Listed::default()
        },
    )
}

fn in_berlin() -> Listed {
    Listed {
        hostname: Some("host.example".to_owned()),
        city: Some("Berlin".to_owned()),
        country: Some("DE".to_owned()),
        latitude: Some(52.52),
        longitude: Some(13.4),
        timezone: Some("Europe/Berlin".to_owned()),
        asn: Some("AS24940".to_owned()),
        organisation: Some("Hetzner Online GmbH".to_owned()),
        ..Listed::default()
    }
}

/// One that says everything, one that says strange things, one that was not reached, two of which nothing is known.
fn sample() -> Vec<ListedNode> {
    let full = Listed {
        protocol_version: Some(70016),
        user_agent: Some("/Satoshi:27.1.0/".to_owned()),
        connected_since: Some(1_793_491_200),
        services: Some(0xc09),
        height: Some(900_000),
        seen_at: Some(1_793_491_200),
        is_up: Some(true),
        is_good: Some(true),
        uptime: Some(Uptime {
            hours_2: 100.0,
            hours_8: 99.99,
            day: 50.5,
            week: 7.0,
            month: 0.01,
        }),
        relay: Some(1),
        timestamp: Some(1_793_491_199),
        nonce: Some(u64::MAX),
        addr_from: Some(addr("9.9.9.9:8333")),
        connect_us: Some(20_999),
        handshake_us: Some(61_000),
        attempts: Some(1),
        seed_distance: Some(2),
        told: Some(ToldCounts {
            ipv4: 990,
            onion: 2,
            onion_v2: 1,
            other: 7,
            ..ToldCounts::default()
        }),
        claimed: Some(Claimed {
            by: Some(addr("[2a01::2]:8333")),
            time: Some(1_793_400_000),
            services: Some(9),
        }),
        ..in_berlin()
    };
    let strange = Listed {
        protocol_version: Some(-1),
        user_agent: Some("/a\"b,\n c/".to_owned()),
        connected_since: Some(1_793_491_200),
        services: Some(u64::MAX),
        height: Some(-1),
        latitude: Some(0.0),
        longitude: Some(0.0),
        asn: Some("TOR".to_owned()),
        organisation: Some("Tor network".to_owned()),
        seen_at: Some(1_793_491_200),
        is_up: Some(true),
        relay: Some(0),
        timestamp: Some(-1),
        ..Listed::default()
    };
    let unreached = Listed {
        seen_at: Some(1_793_491_300),
        is_up: Some(false),
        ..Listed::default()
    };
    vec![
        node("1.2.3.4:8333", full),
        node(ONION, strange),
        node("5.6.7.8:8333", unreached),
        ListedNode {
            addr: addr("[2a01::1]:8333"),
            said: None,
        },
        ListedNode {
            addr: addr(I2P),
            said: None,
        },
    ]
}

fn written(form: Form, is_harmless: bool, nodes: &[ListedNode]) -> String {
    let mut out = Vec::new();
    let mut writer = ListWriter::new(form, is_harmless, &mut out).unwrap();
    for node in nodes {
        writer.add(node).unwrap();
    }
    writer.finish().unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check(form: Form, expected: &str) {
    assert_eq!(written(form, false, &sample()), expected);
}

/// Reads a dump as `makeseeds.py` does, which fails at what it cannot read: no field may be missing or be no number.
fn makeseeds(dump: &str) -> Vec<String> {
    // Python takes these for line ends too.
    let lines = dump.split(['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{85}', '\u{2028}']);
    let lines = lines.filter(|it| !it.is_empty() && !it.starts_with('#'));
    let read = lines.map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let good: i64 = fields[1].parse().unwrap();
        let seen: i64 = fields[2].parse().unwrap();
        let uptime: f64 = fields[7].strip_suffix('%').unwrap().parse().unwrap();
        let blocks: i64 = fields[8].parse().unwrap();
        let services = u64::from_str_radix(fields[9], 16).unwrap();
        let version: i64 = fields[10].parse().unwrap();
        let agent = fields[11].get(1..fields[11].len().max(2) - 1).unwrap_or("");
        format!(
            "{} good {good}, seen {seen}, up {uptime} %, blocks {blocks}, services {services:#x}, version {version}, agent {agent}",
            fields[0]
        )
    });
    read.collect()
}

/// Reads the user agents of a CSV file.
fn csv_agents(text: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap();
    let is_agent = |it: &str| matches!(it, "user_agent" | "version_useragent");
    let column = columns.iter().position(is_agent).unwrap();
    let rows = reader.records().map(|it| it.unwrap()[column].to_owned());
    rows.collect()
}
