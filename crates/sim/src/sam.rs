//! The router's side of SAM 3.1, by which programs reach I2P, as a pure value: lines in, replies out.

use data_encoding::{BASE64, Encoding, Specification};
use proto::addr::Network;
use proto::{Host, PeerAddr};
use std::sync::LazyLock;

/// The longest line that is read; a destination takes about 520 characters.
const MAX_LINE: usize = 4 * 1024;
/// How many bytes a destination has in front of its certificate.
const KEYS: usize = 384;
/// The certificate of a destination that signs with Ed25519, as all have nowadays.
const CERTIFICATE: [u8; 7] = [5, 0, 4, 0, 7, 0, 0];
/// How many bytes a private key of such a destination adds to it.
const PRIVATE: usize = 256 + 32;

/// What a program wants of the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// To agree on a version.
    Hello,
    /// A session with this name.
    CreateSession(String),
    /// The destination behind a name.
    Lookup(String),
    /// A stream within a session, to a destination or a name.
    Connect {
        session: String,
        destination: String,
    },
    /// To see whether the router is there.
    Ping(String),
    /// Something else.
    Unknown,
}

/// Lines, as they come in.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
}

/// The line is longer than any that makes sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Lines {
    /// Takes bytes in, in pieces of any size.
    pub(crate) fn handle_bytes(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Returns the request of the next line, or `None` until more bytes are there.
    pub(crate) fn poll_request(&mut self) -> Result<Option<Request>, TooLong> {
        match self.pending.iter().position(|it| *it == b'\n') {
            Some(len) if len <= MAX_LINE => {
                let line: Vec<u8> = self.pending.drain(..=len).collect();
                Ok(Some(Request::read(&String::from_utf8_lossy(&line))))
            }
            None if self.pending.len() <= MAX_LINE => Ok(None),
            _too_long => Err(TooLong),
        }
    }

    /// Returns what came behind the last line that was read.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.pending
    }
}

impl Request {
    fn read(line: &str) -> Request {
        let line = line.trim_end();
        let mut words = line.split_whitespace();
        let verb = (words.next(), words.next());
        let value = |key: &str| {
            let mut words = line.split_whitespace().skip(2);
            let found = words.find_map(|it| it.strip_prefix(key)?.strip_prefix('='));
            found.map(str::to_owned)
        };
        let read = match verb {
            (Some("HELLO"), Some("VERSION")) => Some(Request::Hello),
            (Some("SESSION"), Some("CREATE")) => value("ID").map(Request::CreateSession),
            (Some("NAMING"), Some("LOOKUP")) => value("NAME").map(Request::Lookup),
            (Some("STREAM"), Some("CONNECT")) => {
                value("ID")
                    .zip(value("DESTINATION"))
                    .map(|(session, destination)| Request::Connect {
                        session,
                        destination,
                    })
            }
            (Some("PING"), text) => Some(Request::Ping(text.unwrap_or_default().to_owned())),
            _ => None,
        };
        read.unwrap_or(Request::Unknown)
    }
}

/// I2P writes `-` and `~` where others write `+` and `/`.
static I2P_BASE64: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec: Specification = BASE64.specification();
    spec.symbols = spec.symbols.replace('+', "-").replace('/', "~");
    spec.encoding()
        .expect("the alphabet has 64 different symbols")
});

/// Invents the destination of a node.
///
/// A node's address is the hash of its destination, and nobody can find a destination for a hash; so this one is made of
/// the hash itself.
pub(crate) fn destination(hash: &[u8; 32]) -> String {
    I2P_BASE64.encode(&destination_bytes(hash))
}

/// Invents the private destination of a session.
pub(crate) fn private_destination(session: &str) -> String {
    let mut hash = [7; 32];
    for (byte, name) in hash.iter_mut().zip(session.bytes()) {
        *byte = name;
    }
    let private = [destination_bytes(&hash), vec![7; PRIVATE]].concat();
    I2P_BASE64.encode(&private)
}

/// Reads whose destination or `.b32.i2p` name it is; `None` for what is neither.
pub(crate) fn read_destination(text: &str) -> Option<PeerAddr> {
    if let Ok(addr) = PeerAddr::from_host_text(text, 0) {
        return (addr.network() == Network::I2p).then_some(addr);
    }
    let bytes = I2P_BASE64.decode(text.as_bytes()).ok()?;
    let hash = *bytes.first_chunk::<32>()?;
    (bytes == destination_bytes(&hash)).then(|| PeerAddr::new(Host::I2p(hash), 0))
}

fn destination_bytes(hash: &[u8; 32]) -> Vec<u8> {
    let keys = hash.iter().copied().cycle().take(KEYS);
    keys.chain(CERTIFICATE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_in_any_pieces() {
        let text = "HELLO VERSION MIN=3.1 MAX=3.1\n\
            SESSION CREATE STYLE=STREAM ID=me DESTINATION=TRANSIENT SIGNATURE_TYPE=7\r\n\
            NAMING LOOKUP NAME=x.b32.i2p\n\
            STREAM CONNECT ID=me DESTINATION=abc SILENT=false\n\
            STREAM ACCEPT ID=me\nPING 5\nrest";
        let expected = [
            Request::Hello,
            Request::CreateSession("me".to_owned()),
            Request::Lookup("x.b32.i2p".to_owned()),
            Request::Connect {
                session: "me".to_owned(),
                destination: "abc".to_owned(),
            },
            Request::Unknown,
            Request::Ping("5".to_owned()),
        ];
        for size in [1, 7, text.len()] {
            let mut lines = Lines::default();
            let mut seen = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                lines.handle_bytes(piece);
                while let Some(request) = lines.poll_request().unwrap() {
                    seen.push(request);
                }
            }
            assert_eq!(seen, expected);
            assert_eq!(lines.into_rest(), b"rest");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::default();
        lines.handle_bytes(&[b'x'; MAX_LINE]);
        assert_eq!(lines.poll_request(), Ok(None));
        lines.handle_bytes(b"x");
        assert_eq!(lines.poll_request(), Err(TooLong));
    }

    #[test]
    fn a_destination_leads_back_to_its_address() {
        let addr = PeerAddr::new(Host::I2p([0xfb; 32]), 0);
        let text = destination(&[0xfb; 32]);
        assert_eq!(text.len(), 524);
        assert!(
            text.contains(['-', '~']) && !text.contains(['+', '/']),
            "{text}"
        );
        assert_eq!(read_destination(&text), Some(addr));
        assert_eq!(read_destination(&addr.host.to_string()), Some(addr));
        assert_eq!(read_destination(&text.replacen('~', "A", 1)), None);
        assert_eq!(read_destination("1.2.3.4"), None);
        assert_eq!(read_destination("ME"), None);
    }
}
