//! Bitcoin Core's asmap files: which autonomous system an address is in.
//!
//! A file is a program in a stream of bits, run once for each address, whose bits it consumes from the first to the last:
//! it jumps where a bit is one, compares several at once, and ends with a number. An IPv4 address is looked up as
//! `::ffff:a.b.c.d`. Numbers are written with a one for each size that is too small for them, a zero, and their bits
//! (Bitcoin Core, `util/asmap.cpp`).

use std::net::IpAddr;
use std::ops::RangeInclusive;

/// The largest file that is read, in bytes: eight times the largest of 2025.
pub const MAX_ASMAP_BYTES: u64 = 16 << 20;

/// Sizes of the numbers in a file, in bits, each with the least number that is written.
const ASN: (u32, RangeInclusive<u32>) = (1, 15..=24);
const JUMP: (u32, RangeInclusive<u32>) = (17, 5..=30);
const MATCH: (u32, RangeInclusive<u32>) = (2, 1..=8);

/// The bits of an address.
const ADDRESS_BITS: u32 = 128;

/// A file that was looked through from end to end, so that every lookup in it comes to an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asmap {
    code: Vec<u8>,
}

/// Why bytes are no asmap.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AsmapError {
    /// Larger than [`MAX_ASMAP_BYTES`].
    #[error("{0} bytes are more than an asmap has")]
    TooLarge(usize),
    /// No program in Bitcoin Core's sense.
    #[error("no asmap of Bitcoin Core: {why} at byte {byte}")]
    Malformed {
        /// What is wrong.
        why: &'static str,
        /// Where.
        byte: usize,
    },
}

impl Asmap {
    /// Takes a file as it is, if Bitcoin Core would take it.
    pub fn parse(code: Vec<u8>) -> Result<Asmap, AsmapError> {
        if code.len() as u64 > MAX_ASMAP_BYTES {
            return Err(AsmapError::TooLarge(code.len()));
        }
        let mut reader = Reader::new(&code);
        check(&mut reader).map_err(|why| AsmapError::Malformed {
            why,
            byte: reader.at / 8,
        })?;
        Ok(Asmap { code })
    }

    /// Returns the number of the autonomous system that an address is in.
    pub fn asn(&self, ip: IpAddr) -> Option<u32> {
        let address = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let number = self.run(address.to_bits())?;
        // The default before any other: nobody has this number.
        (number != 0).then_some(number)
    }

    /// Whether addresses that nobody has are given to some neighbour's system, which makes a file smaller.
    pub fn is_filled(&self) -> bool {
        let private = [10, 0, 0, 1].into();
        let reserved = [240, 0, 0, 1].into();
        self.asn(private).is_some() && self.asn(reserved).is_some()
    }

    fn run(&self, address: u128) -> Option<u32> {
        let mut reader = Reader::new(&self.code);
        let mut n_left = ADDRESS_BITS;
        let mut default = 0;
        loop {
            match reader.instruction()? {
                Instruction::Return(asn) => return Some(asn),
                Instruction::Jump(n_bits) => {
                    n_left = n_left.checked_sub(1)?;
                    if address >> n_left & 1 == 1 {
                        reader.at += n_bits;
                    }
                }
                Instruction::Match { n_bits, bits } => {
                    n_left = n_left.checked_sub(n_bits)?;
                    if address >> n_left & ((1 << n_bits) - 1) != u128::from(bits) {
                        return Some(default);
                    }
                }
                Instruction::Default(asn) => default = asn,
            }
        }
    }
}

/// One step of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instruction {
    /// Ends with this number.
    Return(u32),
    /// Goes on so many bits further where the next bit of the address is one.
    Jump(usize),
    /// Ends with the default where the next bits of the address are others.
    Match { n_bits: u32, bits: u32 },
    /// Sets the default.
    Default(u32),
}

/// Reads a program from its first bit on.
struct Reader<'a> {
    code: &'a [u8],
    /// In bits.
    at: usize,
}

impl Reader<'_> {
    fn new(code: &[u8]) -> Reader<'_> {
        Reader { code, at: 0 }
    }

    fn n_left(&self) -> usize {
        (self.code.len() * 8).saturating_sub(self.at)
    }

    /// Returns the next instruction, or `None` where the file ends in it or it is none.
    fn instruction(&mut self) -> Option<Instruction> {
        let instruction = if self.bit()? == 0 {
            Instruction::Return(self.number(ASN)?)
        } else if self.bit()? == 0 {
            Instruction::Jump(self.number(JUMP)? as usize)
        } else if self.bit()? == 0 {
            let marked = self.number(MATCH)?;
            // The first one marks where the bits to compare begin.
            let n_bits = marked.ilog2();
            let bits = marked - (1 << n_bits);
            Instruction::Match { n_bits, bits }
        } else {
            Instruction::Default(self.number(ASN)?)
        };
        Some(instruction)
    }

    fn number(&mut self, (least, sizes): (u32, RangeInclusive<u32>)) -> Option<u32> {
        let mut number = least;
        let largest = *sizes.end();
        for size in sizes {
            // Nothing stands before the largest size: there is no other left.
            if size < largest && self.bit()? == 1 {
                number += 1 << size;
                continue;
            }
            for place in (0..size).rev() {
                number += self.bit()? << place;
            }
            return Some(number);
        }
        None
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = *self.code.get(self.at / 8)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }
}

/// Looks through a whole program as Bitcoin Core does before it uses one: every path through it ends, consumes no more
/// bits than an address has, and nothing in it is superfluous.
fn check(reader: &mut Reader<'_>) -> Result<(), &'static str> {
    // Where jumps lead that were not reached yet, and how many bits are left there. The last is reached first, and each
    // has fewer bits left than the one before: there are never more than an address has bits.
    let mut jumps: Vec<(usize, u32)> = Vec::new();
    let mut n_left = ADDRESS_BITS;
    let mut last = Instruction::Jump(0);
    let mut was_short = false;
    while reader.n_left() > 0 {
        if jumps.last().is_some_and(|(to, _)| reader.at >= *to) {
            return Err("a jump into the middle of an instruction");
        }
        let instruction = reader.instruction().ok_or("no instruction")?;
        let after_default = matches!(last, Instruction::Default(_));
        last = instruction;
        match instruction {
            Instruction::Return(_) if after_default => return Err("a default that is not used"),
            Instruction::Return(_) => {
                let Some((to, n_left_there)) = jumps.pop() else {
                    return check_padding(reader);
                };
                if reader.at != to {
                    return Err("a part that is never reached");
                }
                n_left = n_left_there;
                last = Instruction::Jump(0);
            }
            Instruction::Jump(n_bits) => {
                if n_bits > reader.n_left() {
                    return Err("a jump behind the end");
                }
                n_left = n_left.checked_sub(1).ok_or("too long a path")?;
                let to = reader.at + n_bits;
                if jumps.last().is_some_and(|(other, _)| to >= *other) {
                    return Err("two jumps that cross");
                }
                jumps.push((to, n_left));
            }
            Instruction::Match { n_bits, .. } => {
                let is_short = n_bits < *MATCH.1.end();
                if is_short && was_short {
                    return Err("two short comparisons in a row");
                }
                was_short = is_short;
                n_left = n_left.checked_sub(n_bits).ok_or("too long a path")?;
                continue;
            }
            Instruction::Default(_) if after_default => return Err("a default that is not used"),
            Instruction::Default(_) => (),
        }
        was_short = false;
    }
    Err("no end")
}

/// The last byte is filled up with zeros.
fn check_padding(reader: &mut Reader<'_>) -> Result<(), &'static str> {
    if reader.n_left() > 7 {
        return Err("something behind the end");
    }
    match std::iter::from_fn(|| reader.bit()).all(|bit| bit == 0) {
        true => Ok(()),
        false => Err("something behind the end"),
    }
}

#[cfg(test)]
mod tests;
