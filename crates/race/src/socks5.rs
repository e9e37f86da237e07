//! The blocking twin of the crawl's SOCKS5 client (RFC 1928), for proxies that want no login.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crawl::dial::socks5::{WELCOME_PATIENCE, connect_request, failure_of_reply};
use crawl::dial::{DialError, Failure, Target};
use proto::Outcome;

use crate::blocking::{self, Until, is_timeout, silence};

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Has the proxy connect to `target`, which has `patience` from the moment on when the proxy let us in.
pub(crate) fn connect(
    proxy: SocketAddr,
    target: &Target,
    patience: Duration,
) -> Result<TcpStream, DialError> {
    let request = connect_request(target)?;
    let welcomed_until = Instant::now() + WELCOME_PATIENCE;
    let stream = blocking::connect(proxy, WELCOME_PATIENCE).map_err(way_down)?;
    greet(Until {
        stream: &stream,
        at: welcomed_until,
    })
    .map_err(|error| DialError::WayDown(broken(&error)))?;
    let answered_until = Until {
        stream: &stream,
        at: Instant::now() + patience,
    };
    let code = ask(answered_until, &request).map_err(|error| match is_timeout(&error) {
        true => DialError::Failed(silence()),
        false => DialError::Failed(broken(&error)),
    })?;
    match failure_of_reply(code) {
        None => Ok(stream),
        Some(failure) => Err(DialError::Failed(failure)),
    }
}

fn greet(mut link: Until<'_>) -> io::Result<()> {
    link.write_all(&[VERSION, 1, NO_LOGIN])?;
    let mut answer = [0; 2];
    link.read_exact(&mut answer)?;
    match answer {
        [VERSION, NO_LOGIN] => Ok(()),
        [VERSION, 0xff] => Err(io::Error::other("the proxy wants a login")),
        _ => Err(io::Error::other("what answers there is no SOCKS5 proxy")),
    }
}

/// Sends the request, and returns the code of the reply. Not a byte behind the reply is read: it would be the peer's.
fn ask(mut link: Until<'_>, request: &[u8]) -> io::Result<u8> {
    link.write_all(request)?;
    let mut head = [0; 4];
    link.read_exact(&mut head)?;
    let [version, code, _, kind] = head;
    if version != VERSION {
        return Err(io::Error::other("its reply is not one of SOCKS5"));
    }
    if code != 0 {
        return Ok(code);
    }
    let len = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => {
            let mut len = [0];
            link.read_exact(&mut len)?;
            len[0].into()
        }
        _ => {
            return Err(io::Error::other(
                "its reply has an address of no known kind",
            ));
        }
    };
    let mut address_and_port = vec![0; len + 2];
    link.read_exact(&mut address_and_port)?;
    Ok(code)
}

fn broken(error: &io::Error) -> Failure {
    Failure {
        outcome: Outcome::ProxyError,
        reason: Some(format!("the proxy failed: {error}")),
    }
}

/// Whatever keeps us from the proxy says nothing about the peer.
fn way_down(error: DialError) -> DialError {
    match error {
        DialError::Failed(failure) | DialError::WayDown(failure) => DialError::WayDown(Failure {
            outcome: Outcome::ProxyError,
            ..failure
        }),
        full @ DialError::MachineFull(_) => full,
    }
}
