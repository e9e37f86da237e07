//! How a packet names its message: one byte for the common ones, the twelve bytes of a v1 header for all others.

use super::V2Error;
use crate::command::*;

/// The messages that have a number of one byte; it is the place in this list, from 1 on (BIP 324).
const NUMBERED: [Command; 28] = [
    ADDR,
    BLOCK,
    BLOCKTXN,
    CMPCTBLOCK,
    FEEFILTER,
    FILTERADD,
    FILTERCLEAR,
    FILTERLOAD,
    GETBLOCKS,
    GETBLOCKTXN,
    GETDATA,
    GETHEADERS,
    HEADERS,
    INV,
    MEMPOOL,
    MERKLEBLOCK,
    NOTFOUND,
    PING,
    PONG,
    SENDCMPCT,
    TX,
    GETCFILTERS,
    CFILTER,
    GETCFHEADERS,
    CFHEADERS,
    GETCFCHECKPT,
    CFCHECKPT,
    ADDRV2,
];

/// Stands before the twelve bytes of a name.
const LONG_FORM: u8 = 0;

/// Appends the shortest form of `command`.
pub(super) fn write_command(out: &mut Vec<u8>, command: Command) {
    let number = (1..).zip(NUMBERED).find(|(_, it)| *it == command);
    match number {
        Some((number, _)) => out.push(number),
        None => {
            out.push(LONG_FORM);
            out.extend_from_slice(&command.to_wire());
        }
    }
}

/// Reads the name at the start of `contents` and returns it with what is behind it.
pub(super) fn split_command(contents: &[u8]) -> Result<(Command, &[u8]), V2Error> {
    let (first, rest) = contents.split_first().ok_or(V2Error::NoCommand)?;
    if *first != LONG_FORM {
        let command = NUMBERED.get(usize::from(*first) - 1);
        return match command {
            Some(command) => Ok((*command, rest)),
            None => Err(V2Error::UnknownShortId { id: *first }),
        };
    }
    let (name, payload) = rest.split_first_chunk::<12>().ok_or(V2Error::NoCommand)?;
    match Command::from_wire(*name) {
        Some(command) => Ok((command, payload)),
        None => Err(V2Error::BadCommand { command: *name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_bip_324() {
        for (command, number) in [(ADDR, 1), (INV, 14), (PING, 18), (PONG, 19), (ADDRV2, 28)] {
            assert_eq!(written(command), [number]);
        }
    }

    #[test]
    fn every_command_comes_back_in_both_forms() {
        for KnownCommand { command, .. } in COMMANDS {
            let long = [&[LONG_FORM], &command.to_wire()[..]].concat();
            for mut contents in [written(*command), long] {
                contents.extend(b"payload");
                assert_eq!(split_command(&contents), Ok((*command, &b"payload"[..])));
            }
        }
    }

    #[test]
    fn every_number_is_a_command_or_unknown() {
        for number in 1..=255 {
            let known = (number <= 28).then(|| NUMBERED[usize::from(number) - 1]);
            let expected = match known {
                Some(command) => Ok((command, &[][..])),
                None => Err(V2Error::UnknownShortId { id: number }),
            };
            assert_eq!(split_command(&[number]), expected);
        }
    }

    #[test]
    fn a_packet_without_a_whole_name_has_none() {
        assert_eq!(split_command(&[]), Err(V2Error::NoCommand));
        let cut = b"\0version\0\0\0\0";
        assert_eq!(split_command(cut), Err(V2Error::NoCommand));
    }

    #[test]
    fn a_name_that_is_no_text_is_told_as_sent() {
        let command = *b"ver\xffion\0\0\0\0\0";
        let contents = [&[LONG_FORM], &command[..]].concat();
        assert_eq!(
            split_command(&contents),
            Err(V2Error::BadCommand { command })
        );
    }

    fn written(command: Command) -> Vec<u8> {
        let mut out = Vec::new();
        write_command(&mut out, command);
        out
    }
}
