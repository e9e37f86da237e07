//! The proxy's side of the SOCKS5 protocol (RFC 1928, RFC 1929), as a pure value: bytes in, replies out.

use std::net::{IpAddr, SocketAddr};

use proto::PeerAddr;

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
/// Tor's extension: resolve a name, and answer with an address.
const RESOLVE: u8 = 0xf0;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The connection stands, or the name is resolved.
pub(crate) const SUCCEEDED: u8 = 0;
/// There is no way to the host.
pub(crate) const HOST_UNREACHABLE: u8 = 4;
/// The call lasted too long.
pub(crate) const TTL_EXPIRED: u8 = 6;
const COMMAND_NOT_SUPPORTED: u8 = 7;

/// What comes of the bytes that a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Write these bytes.
    Reply(Vec<u8>),
    /// Write these bytes and close.
    Refuse(Vec<u8>),
    /// Do this, and write its [`reply`].
    Do(Request),
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A connection; `None` for a name that is no address of any network.
    Connect(Option<PeerAddr>),
    /// An address for a name.
    Resolve(Vec<u8>),
}

/// One client on its way to what it wants.
#[derive(Debug, Default)]
pub(crate) struct Negotiation {
    state: State,
    pending: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    AwaitMethods,
    AwaitLogin,
    AwaitRequest,
    Over,
}

impl Negotiation {
    /// Takes bytes in, in pieces of any size.
    pub(crate) fn handle_bytes(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Returns the next thing to do, or `None` until more bytes are there.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        match self.state {
            State::AwaitMethods => self.read_methods(),
            State::AwaitLogin => self.read_login(),
            State::AwaitRequest => self.read_request(),
            State::Over => None,
        }
    }

    /// Returns what the client sent behind its request, for whom it wants to reach.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.pending
    }

    fn read_methods(&mut self) -> Option<Output> {
        let (version, methods) = match self.pending[..] {
            [] => return None,
            [version, ..] if version != VERSION => (version, &[][..]),
            [version, n, ref rest @ ..] => (version, rest.get(..usize::from(n))?),
            [_] => return None,
        };
        // Where both are offered the login is taken, as Tor does.
        let (method, next) = if version != VERSION {
            (NO_METHOD, State::Over)
        } else if methods.contains(&LOGIN) {
            (LOGIN, State::AwaitLogin)
        } else if methods.contains(&NO_LOGIN) {
            (NO_LOGIN, State::AwaitRequest)
        } else {
            (NO_METHOD, State::Over)
        };
        let reply = vec![VERSION, method];
        self.advance(2 + methods.len(), next);
        Some(match method {
            NO_METHOD => Output::Refuse(reply),
            _ => Output::Reply(reply),
        })
    }

    /// Any login will do.
    fn read_login(&mut self) -> Option<Output> {
        let user_len = usize::from(*self.pending.get(1)?);
        let password_len = usize::from(*self.pending.get(2 + user_len)?);
        let len = 3 + user_len + password_len;
        if self.pending.len() < len {
            return None;
        }
        self.advance(len, State::AwaitRequest);
        Some(Output::Reply(vec![LOGIN_VERSION, 0]))
    }

    fn read_request(&mut self) -> Option<Output> {
        let [_, command, _, kind, ref rest @ ..] = self.pending[..] else {
            return None;
        };
        let (head, host_len) = match kind {
            IPV4 => (4, 4),
            IPV6 => (4, 16),
            NAME => (5, usize::from(*rest.first()?)),
            _unknown => return Some(self.refuse()),
        };
        let host = self.pending.get(head..head + host_len)?.to_vec();
        let port = self.pending.get(head + host_len..head + host_len + 2)?;
        let port = u16::from_be_bytes([port[0], port[1]]);
        let request = match command {
            CONNECT => Request::Connect(read_target(&host, kind, port)),
            RESOLVE => Request::Resolve(host),
            _unknown => return Some(self.refuse()),
        };
        self.advance(head + host_len + 2, State::Over);
        Some(Output::Do(request))
    }

    fn refuse(&mut self) -> Output {
        self.state = State::Over;
        Output::Refuse(reply(COMMAND_NOT_SUPPORTED, None))
    }

    fn advance(&mut self, n_bytes: usize, next: State) {
        self.pending.drain(..n_bytes.min(self.pending.len()));
        self.state = next;
    }
}

fn read_target(host: &[u8], kind: u8, port: u16) -> Option<PeerAddr> {
    let ip = match kind {
        IPV4 => IpAddr::from(<[u8; 4]>::try_from(host).ok()?),
        IPV6 => IpAddr::from(<[u8; 16]>::try_from(host).ok()?),
        _name => return PeerAddr::from_host_text(std::str::from_utf8(host).ok()?, port).ok(),
    };
    Some(PeerAddr::from(SocketAddr::new(ip, port)))
}

/// Writes the reply to a request; `ip` is what a name was resolved to.
pub(crate) fn reply(code: u8, ip: Option<IpAddr>) -> Vec<u8> {
    let mut bytes = vec![VERSION, code, 0];
    match ip {
        Some(IpAddr::V6(ip)) => {
            bytes.push(IPV6);
            bytes.extend(ip.octets());
        }
        Some(IpAddr::V4(ip)) => {
            bytes.push(IPV4);
            bytes.extend(ip.octets());
        }
        None => bytes.extend([IPV4, 0, 0, 0, 0]),
    }
    bytes.extend([0, 0]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";

    #[test]
    fn a_client_without_login_connects_by_address() {
        check(
            &[&[5, 1, 0], &[5, 1, 0, 1, 1, 2, 3, 4, 0x20, 0x8d]],
            "reply 0500, connect 1.2.3.4:8333",
        );
    }

    #[test]
    fn a_login_is_taken_where_it_is_offered() {
        let login = [1, 2, b'm', b'e', 1, b'x'];
        let mut ipv6 = vec![5, 1, 0, 4, 0x2a, 1];
        ipv6.extend([0; 13]);
        ipv6.extend([1, 0x20, 0x8d]);
        check(
            &[&[5, 2, 0, 2], &login, &ipv6],
            "reply 0502, reply 0100, connect [2a01::1]:8333",
        );
    }

    #[test]
    fn names_are_read_and_resolved() {
        let connect = |name: &str| {
            let len = u8::try_from(name.len()).unwrap();
            [&[5, 1, 0, 3, len], name.as_bytes(), &[0x20, 0x8d]].concat()
        };
        check(
            &[&[5, 1, 0], &connect(ONION)],
            &format!("reply 0500, connect {ONION}:8333"),
        );
        check(
            &[&[5, 1, 0], &connect("example.org")],
            "reply 0500, connect nobody",
        );
        let mut resolve = connect("seed.example");
        resolve[1] = RESOLVE;
        check(&[&[5, 1, 0], &resolve], "reply 0500, resolve seed.example");
    }

    #[test]
    fn what_comes_behind_the_request_is_kept() {
        let all = [5, 1, 0, 5, 1, 0, 1, 1, 2, 3, 4, 0x20, 0x8d, 0xf9, 0xbe];
        check(&[&all], "reply 0500, connect 1.2.3.4:8333, rest f9be");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        check(&[b"GET / HTTP/1.1"], "refuse 05ff");
        check(&[&[5, 1, 1]], "refuse 05ff");
        check(
            &[&[5, 1, 0], &[5, 2, 0, 1, 1, 2, 3, 4, 0, 1]],
            "reply 0500, refuse 05070001000000000000",
        );
    }

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: &str) {
        let all = pieces.concat();
        assert_eq!(negotiate(all.chunks(all.len())), expected);
        assert_eq!(negotiate(all.chunks(1)), expected, "byte by byte");
    }

    fn negotiate<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
        let mut negotiation = Negotiation::default();
        let mut seen = Vec::new();
        for piece in pieces {
            negotiation.handle_bytes(piece);
            while let Some(output) = negotiation.poll_output() {
                let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
                seen.push(match output {
                    Output::Reply(bytes) => format!("reply {}", hex(&bytes)),
                    Output::Refuse(bytes) => format!("refuse {}", hex(&bytes)),
                    Output::Do(Request::Connect(None)) => "connect nobody".to_owned(),
                    Output::Do(Request::Connect(Some(addr))) => format!("connect {addr}"),
                    Output::Do(Request::Resolve(name)) => {
                        format!("resolve {}", String::from_utf8_lossy(&name))
                    }
                });
            }
        }
        let is_refused = seen.last().is_some_and(|it| it.starts_with("refuse"));
        let rest = negotiation.into_rest();
        if !is_refused && !rest.is_empty() {
            seen.push(format!("rest {}", data_encoding::HEXLOWER.encode(&rest)));
        }
        seen.join(", ")
    }
}
