//! Our own exports: every visit comes back as far as they keep it.

use std::time::Duration;

use proto::features::Features;
use proto::gossip::{Gossip, ToldCounts};
use proto::version::{NetAddr, Version};
use proto::visit::{Call, Dialect, Heard, Transport};
use proto::{Host, Outcome, PeerAddr, Visit};

use super::*;

const KEYS: &str = "address,network,outcome,reason,transport,dialect,protocol_version,services,user_agent,user_agent_hex,start_height,relay,timestamp,nonce,addr_recv,addr_from,version_payload_hex,started_at,connect_us,version_us,verack_us,addrs_us,took_us,addresses_told,features,tried,bytes_in,bytes_out,country,asn,organisation,city,latitude,longitude,timezone,hostname";

#[test]
fn a_line_of_ndjson_is_the_visit_that_it_was() {
    let visit = complete();
    let payload: String = visit
        .call
        .heard
        .version_payload
        .iter()
        .flatten()
        .map(|it| format!("{it:02x}"))
        .collect();
    let line = format!(
        r#"{{"address":"[2a01::1]:8333","network":"ipv6","outcome":"complete","reason":"why, \"so\"","transport":"v2","dialect":"old","protocol_version":70016,"services":3081,"user_agent":"�,\"\n","user_agent_hex":"ff2c220a","start_height":900000,"relay":1,"timestamp":1793491199,"nonce":18446744073709551615,"addr_recv":"192.0.2.1:8333","addr_from":"[::]:0","version_payload_hex":"{payload}","started_at":"2026-11-01T00:00:00.100000Z","connect_us":20000,"version_us":60000,"verack_us":61000,"addrs_us":90000,"took_us":90001,"addresses_told":{{"ipv4":990}},"features":{{"sendaddrv2":true,"feefilter":1000}},"tried":["v2"],"bytes_in":300,"bytes_out":200,"country":"DE","asn":24940,"organisation":null,"city":null,"latitude":52.5,"longitude":null,"timezone":null,"hostname":null}}"#
    );
    let said = Listed {
        country: Some("DE".to_owned()),
        asn: Some("AS24940".to_owned()),
        latitude: Some(52.5),
        ..Listed::from(visit)
    };
    check_said(&line, Format::OwnNdjson, &said);
    let row = format!(
        "{KEYS}\n[2a01::1]:8333,ipv6,complete,\"why, \"\"so\"\"\",v2,old,70016,3081,\"�,\"\"\n\",ff2c220a,900000,1,1793491199,18446744073709551615,192.0.2.1:8333,[::]:0,{payload},2026-11-01T00:00:00.100000Z,20000,60000,61000,90000,90001,\"{{\"\"ipv4\"\":990}}\",\"{{\"\"sendaddrv2\"\":true,\"\"feefilter\"\":1000}}\",\"[\"\"v2\"\"]\",300,200,DE,24940,,,52.5,,,\n"
    );
    check_said(&row, Format::OwnCsv, &said);
}

#[test]
fn what_is_null_or_empty_is_not_there() {
    let visit = Visit {
        dialect: Dialect::Modern,
        call: Call {
            reason: Some("network_off".to_owned()),
            ..Call::not_connected(
                1_793_491_200_100_000,
                Outcome::from_code("not_tried", Some("network_off")).unwrap(),
                None,
            )
        },
        ..complete()
    };
    let pairs: Vec<String> = KEYS
        .split(',')
        .map(|key| {
            let value = match key {
                "address" => "\"[2a01::1]:8333\"",
                "outcome" => "\"not_tried\"",
                "reason" => "\"network_off\"",
                "started_at" => "\"2026-11-01T00:00:00.1Z\"",
                _ => "null",
            };
            format!("\"{key}\":{value}")
        })
        .collect();
    let line = format!("{{{}}}\n", pairs.join(","));
    check_visit(&line, Format::OwnNdjson, &visit);
    let row = format!(
        "{KEYS}\n[2a01::1]:8333,,not_tried,network_off{},2026-11-01T00:00:00.1Z{}\n",
        ",".repeat(13),
        ",".repeat(18)
    );
    check_visit(&row, Format::OwnCsv, &visit);
}

#[test]
fn a_version_without_its_payload_is_what_another_observer_told() {
    let visit = Visit {
        dialect: Dialect::Modern,
        call: Call {
            heard: Heard {
                version: Some(Box::new(Version {
                    services: 9,
                    user_agent: Some(b"/x/".to_vec()),
                    ..Version::default()
                })),
                ..Heard::default()
            },
            ..Call::not_connected(0, Outcome::Complete, None)
        },
        ..complete()
    };
    check_visit(
        r#"{"address":"[2a01::1]:8333","outcome":"complete","services":9,"user_agent":"/x/"}"#,
        Format::OwnNdjson,
        &visit,
    );
}

#[test]
fn what_a_list_says_of_a_node_is_what_its_visit_says() {
    let mut visit = complete();
    let version = visit.call.heard.version.as_mut().unwrap();
    version.addr_from = Some(NetAddr::from_host(&Host::Ipv4([1, 2, 3, 4]), 5));
    let said = Listed::from(visit.clone());
    let expected = Listed {
        protocol_version: Some(70016),
        user_agent: Some("\u{fffd},\"\n".to_owned()),
        connected_since: Some(1_793_491_200),
        services: Some(0xc09),
        height: Some(900_000),
        seen_at: Some(1_793_491_200),
        is_up: Some(true),
        outcome: Some(Outcome::Complete),
        relay: Some(1),
        timestamp: Some(1_793_491_199),
        nonce: Some(u64::MAX),
        addr_from: Some(PeerAddr::parse("1.2.3.4:5", 0).unwrap()),
        connect_us: Some(20_000),
        handshake_us: Some(61_000),
        attempts: Some(1),
        told: Some(ToldCounts {
            ipv4: 990,
            ..ToldCounts::default()
        }),
        visit: Some(Box::new(visit)),
        ..Listed::default()
    };
    assert_eq!(said, expected);
}

fn complete() -> Visit {
    let version = Version {
        protocol_version: 70016,
        services: 0xc09,
        timestamp: 1_793_491_199,
        addr_recv: NetAddr::from_host(&Host::Ipv4([192, 0, 2, 1]), 8333),
        addr_from: Some(NetAddr::default()),
        nonce: Some(u64::MAX),
        user_agent: Some(b"\xff,\"\n".to_vec()),
        start_height: Some(900_000),
        relay: Some(1),
        trailing: vec![7],
    };
    let heard = Heard {
        version_payload: Some(version.encode()),
        version: Some(Box::new(version)),
        version_at: Some(Duration::from_millis(60)),
        verack_at: Some(Duration::from_millis(61)),
        answered_at: Some(Duration::from_millis(90)),
        features: Features {
            sendaddrv2: true,
            feefilter: Some(1000),
            ..Features::default()
        },
        gossip: Some(Gossip {
            claims: Vec::new(),
            told: ToldCounts {
                ipv4: 990,
                ..ToldCounts::default()
            },
        }),
        bytes_in: 300,
        bytes_out: 200,
        ..Heard::default()
    };
    let call = Call {
        took: Duration::from_micros(90_001),
        connect: Some(Duration::from_millis(20)),
        transport: Some(Transport::V2),
        tried: vec![Transport::V2],
        reason: Some("why, \"so\"".to_owned()),
        heard,
        ..Call::not_connected(1_793_491_200_100_000, Outcome::Complete, None)
    };
    Visit {
        addr: PeerAddr::parse("[2a01::1]:8333", 0).unwrap(),
        source: 0,
        attempt: 1,
        dialect: Dialect::Old,
        call,
    }
}

#[track_caller]
fn check_visit(list: &str, format: Format, expected: &Visit) {
    check_said(list, format, &Listed::from(expected.clone()));
}

#[track_caller]
fn check_said(list: &str, format: Format, expected: &Listed) {
    let mut seen = Vec::new();
    let report = read_list(list.as_bytes(), 8333, |it| seen.push(it)).unwrap();
    assert_eq!(report.skipped.first, []);
    let expected = ListedNode {
        addr: complete().addr,
        said: Some(Box::new(expected.clone())),
    };
    assert_eq!(seen, [expected]);
    assert_eq!(report.format, format);
}

#[test]
fn the_first_visit_may_be_the_longest() {
    let payload = "00".repeat(65_536);
    let line = format!(
        r#"{{"address":"1.2.3.4:8333","outcome":"complete","version_payload_hex":"{payload}"}}"#
    );
    let read = read_stream(line.as_bytes(), 8333, OnBad::Fail, &mut |_| Ok(()));
    assert_eq!(read.unwrap().format, Format::OwnNdjson);
}
