use std::env;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

#[test]
fn the_vectors_of_bitcoin_core_are_read_exactly() {
    let Some(file) = real_data("vectors/core/asmap_test_vector.json") else {
        return;
    };
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let vector = &file["vectors"][0];
    let code = vector["hex"].as_str().unwrap();
    let code = data_encoding::HEXLOWER.decode(code.as_bytes()).unwrap();
    let asmap = Asmap::parse(code).unwrap();
    let checks = vector["checks_source"].as_str().unwrap();
    let mut n_checks = 0;
    for line in checks.lines().filter(|it| it.contains("GetMappedAS")) {
        let ip = line.split('"').nth(1).unwrap();
        let asn = line.rsplit(", ").next().unwrap().trim_end_matches(");");
        let seen = asmap.asn(ip.parse().unwrap()).unwrap_or(0);
        assert_eq!(seen.to_string(), asn, "{ip}");
        n_checks += 1;
    }
    assert_eq!(n_checks, 19);
}

#[test]
fn addresses_that_everybody_knows_are_where_they_are() {
    let Some(code) = real_data("asmap/asmap_2025-12_unfilled.dat") else {
        return;
    };
    let asmap = Asmap::parse(code).unwrap();
    let asn = |text: &str| asmap.asn(text.parse().unwrap());
    assert_eq!(asn("8.8.8.8"), Some(15_169));
    assert_eq!(asn("1.1.1.1"), Some(13_335));
    assert_eq!(asn("2a01:4f8::1"), Some(24_940));
    assert_eq!(asn("10.0.0.1"), None);
    assert_eq!(asn("240.0.0.1"), None);
    assert!(!asmap.is_filled());
}

#[test]
fn a_program_can_be_written_by_hand() {
    // Addresses that begin with a one are in AS 1; those that begin with 001 in AS 65,536; others in AS 7.
    let program = branch(
        run(2, 0b01, Some(7), Program::Return(65_536)),
        Program::Return(1),
    );
    let asmap = Asmap::parse(packed(&program.bits())).unwrap();
    let asn = |text: &str| asmap.asn(text.parse().unwrap());
    assert_eq!(asn("8000::"), Some(1));
    assert_eq!(asn("ffff::"), Some(1));
    assert_eq!(asn("2000::"), Some(65_536));
    assert_eq!(asn("4000::"), Some(7));
    assert_eq!(asn("1.2.3.4"), Some(7));
}

#[test]
fn a_filled_map_is_told_from_one_that_is_not() {
    let everything = Asmap::parse(packed(&Program::Return(749).bits())).unwrap();
    assert!(everything.is_filled());
    // Only what begins with ff is mapped, and no IPv4 address does.
    let part = run(8, 0xff, None, Program::Return(749));
    assert!(!Asmap::parse(packed(&part.bits())).unwrap().is_filled());
}

#[test]
fn what_is_no_program_is_told_with_its_place() {
    let ret = Program::Return(1).bits();
    let jump = |n: u32| number_bits(&[true, false], n, JUMP);
    let default = number_bits(&[true, true, true], 5, ASN);
    let short = number_bits(&[true, true, false], 0b101, MATCH);
    check("", "no end at byte 0");
    check("not an asmap", "something behind the end at byte 2");
    check("\x02", "no instruction at byte 1");
    check_bits(&[&ret, &[false; 8]], "something behind the end at byte 2");
    check_bits(&[&ret, &[true]], "something behind the end at byte 2");
    check_bits(&[&jump(40), &ret], "a jump behind the end at byte 1");
    check_bits(
        &[&jump(17), &ret, &default, &ret],
        "a default that is not used at byte 7",
    );
    check_bits(
        &[&default, &default, &ret],
        "a default that is not used at byte 4",
    );
    check_bits(
        &[&jump(18), &ret, &ret, &ret],
        "a part that is never reached at byte 3",
    );
    check_bits(
        &[&jump(17), &default, &ret, &ret],
        "a jump into the middle of an instruction at byte 3",
    );
    check_bits(
        &[&jump(37), &jump(40), &ret, &ret, &ret, &ret],
        "two jumps that cross at byte 2",
    );
    check_bits(
        &[&short, &short, &ret],
        "two short comparisons in a row at byte 1",
    );
    let whole = number_bits(&[true, true, false], 0x1ff, MATCH);
    let seventeen = [&[whole.as_slice(); 17], [ret.as_slice()].as_slice()].concat();
    check_bits(&seventeen, "too long a path at byte 38");
    let huge = vec![0; usize::try_from(MAX_ASMAP_BYTES).unwrap() + 1];
    assert_eq!(
        Asmap::parse(huge).unwrap_err().to_string(),
        "16777217 bytes are more than an asmap has"
    );
}

proptest! {
    #[test]
    fn every_program_gives_what_it_was_made_of(
        program in programs(),
        addresses in prop::collection::vec(any::<(u128, u32)>(), 20),
    ) {
        let asmap = Asmap::parse(packed(&program.bits())).unwrap();
        for (address, bends) in addresses {
            let address = program.bent(address, 0, bends);
            let expected = program.run(address, 0, 0);
            prop_assert_eq!(asmap.run(address), Some(expected));
        }
    }

    #[test]
    fn whatever_is_taken_gives_an_answer(program in programs(), changed in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4), address: u128) {
        let mut code = packed(&program.bits());
        for (at, byte) in changed {
            let at = at.index(code.len());
            code[at] = byte;
        }
        if let Ok(asmap) = Asmap::parse(code) {
            prop_assert!(asmap.run(address).is_some());
        }
    }

    #[test]
    fn noise_is_refused_or_gives_an_answer(code: Vec<u8>, address: u128) {
        if let Ok(asmap) = Asmap::parse(code) {
            prop_assert!(asmap.run(address).is_some());
        }
    }
}

/// What a file says, as a tree.
#[derive(Clone, Debug)]
enum Program {
    Return(u32),
    Branch(Box<Program>, Box<Program>),
    Run {
        n_bits: u32,
        bits: u32,
        /// What others get than those that begin with the bits; without it what was said before.
        default: Option<u32>,
        rest: Box<Program>,
    },
}

fn branch(zero: Program, one: Program) -> Program {
    Program::Branch(Box::new(zero), Box::new(one))
}

fn run(n_bits: u32, bits: u32, default: Option<u32>, rest: Program) -> Program {
    let rest = Box::new(rest);
    Program::Run {
        n_bits,
        bits,
        default,
        rest,
    }
}

fn programs() -> impl Strategy<Value = Program> {
    let asn = 1_u32..4_000_000;
    let end = asn.clone().prop_map(Program::Return);
    end.prop_recursive(12, 100, 2, move |inner| {
        let branches = (inner.clone(), inner.clone());
        let short = (1_u32..=8, any::<u8>(), asn.clone(), inner.clone());
        let whole = (any::<u8>(), inner);
        prop_oneof![
            branches.prop_map(|(zero, one)| branch(zero, one)),
            short.prop_map(|(n_bits, byte, default, rest)| {
                let bits = u32::from(byte) & ((1 << n_bits) - 1);
                run(n_bits, bits, Some(default), rest)
            }),
            whole.prop_map(|(byte, rest)| run(8, byte.into(), None, rest)),
        ]
    })
}

impl Program {
    /// Looks an address up, of which so many bits are behind us.
    fn run(&self, address: u128, n_gone: u32, fallback: u32) -> u32 {
        let next = |n_bits: u32| address << n_gone >> (128 - n_bits);
        match self {
            Program::Return(asn) => *asn,
            Program::Branch(zero, one) => match next(1) {
                0 => zero.run(address, n_gone + 1, fallback),
                _ => one.run(address, n_gone + 1, fallback),
            },
            Program::Run {
                n_bits,
                bits,
                default,
                rest,
            } => {
                let fallback = default.unwrap_or(fallback);
                match next(*n_bits) == u128::from(*bits) {
                    true => rest.run(address, n_gone + n_bits, fallback),
                    false => fallback,
                }
            }
        }
    }

    /// Bends an address so that comparisons do not fail, each where another bit of `bends` is one: chance alone would
    /// come through hardly any.
    fn bent(&self, address: u128, n_gone: u32, bends: u32) -> u128 {
        match self {
            Program::Return(_) => address,
            Program::Branch(zero, one) => match address << n_gone >> 127 {
                0 => zero.bent(address, n_gone + 1, bends),
                _ => one.bent(address, n_gone + 1, bends),
            },
            Program::Run { .. } if bends & 1 == 0 => address,
            Program::Run {
                n_bits, bits, rest, ..
            } => {
                let place = 128 - n_gone - n_bits;
                let wrong = (address >> place ^ u128::from(*bits)) & ((1 << n_bits) - 1);
                rest.bent(address ^ wrong << place, n_gone + n_bits, bends >> 1)
            }
        }
    }

    fn bits(&self) -> Vec<bool> {
        match self {
            Program::Return(asn) => number_bits(&[false], *asn, ASN),
            Program::Branch(zero, one) => {
                let zero = zero.bits();
                let distance = u32::try_from(zero.len()).unwrap();
                let jump = number_bits(&[true, false], distance, JUMP);
                [jump, zero, one.bits()].concat()
            }
            Program::Run {
                n_bits,
                bits,
                default,
                rest,
            } => {
                let default = default.map(|it| number_bits(&[true, true, true], it, ASN));
                let bits = number_bits(&[true, true, false], 1 << n_bits | bits, MATCH);
                [default.unwrap_or_default(), bits, rest.bits()].concat()
            }
        }
    }
}

/// Writes what kind of instruction it is, and its number.
fn number_bits(
    kind: &[bool],
    number: u32,
    (least, sizes): (u32, RangeInclusive<u32>),
) -> Vec<bool> {
    let mut bits = kind.to_vec();
    let mut left = number - least;
    for size in sizes.clone() {
        if size < *sizes.end() {
            let is_too_small = left >> size > 0;
            bits.push(is_too_small);
            if is_too_small {
                left -= 1 << size;
                continue;
            }
        }
        bits.extend((0..size).rev().map(|place| left >> place & 1 == 1));
        break;
    }
    bits
}

fn packed(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| {
        (0..)
            .zip(bits)
            .map(|(place, bit)| u8::from(*bit) << place)
            .sum()
    };
    bits.chunks(8).map(byte).collect()
}

#[track_caller]
fn check_bits(parts: &[&[bool]], expected: &str) {
    let seen = Asmap::parse(packed(&parts.concat())).unwrap_err();
    assert_eq!(
        seen.to_string(),
        format!("no asmap of Bitcoin Core: {expected}")
    );
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let seen = Asmap::parse(text.as_bytes().to_vec()).unwrap_err();
    assert_eq!(
        seen.to_string(),
        format!("no asmap of Bitcoin Core: {expected}")
    );
}

/// Returns a file of the real data, where that is there: see `data/README.md` beside the checkout.
fn real_data(file: &str) -> Option<Vec<u8>> {
    let dir = env::var_os("BITCENSUS_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let bytes = fs::read(dir.join(file)).ok();
    if bytes.is_none() {
        println!("skipped: no test data ({file})");
    }
    bytes
}
