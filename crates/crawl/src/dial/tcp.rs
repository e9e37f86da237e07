//! Connections from this machine's own addresses.

use std::io;
use std::net::SocketAddr;

use proto::Outcome;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{DialError, Failure};

/// Connects to `addr` and sends `first_words`, however long that takes.
///
/// Where the connection stands at once, as to a proxy on this machine, the words go out before anything else is done.
pub(super) async fn connect(addr: SocketAddr, first_words: &[u8]) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&addr.into()) {
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable && !has_own_addr(addr) => {
            return Err(io::Error::new(io::ErrorKind::NetworkUnreachable, error));
        }
        Err(error) if !is_in_progress(&error) => return Err(error),
        Ok(()) | Err(_) => (),
    }
    let n_sent = match socket.send(first_words) {
        Ok(n_sent) => n_sent,
        Err(error) if is_later_matter(&error) => 0,
        Err(error) => return Err(error),
    };
    let mut stream = TcpStream::from_std(socket.into())?;
    if n_sent == 0 {
        stream.writable().await?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
    }
    // A peer that is gone already is noticed when it is read from.
    let _ = stream.write_all(&first_words[n_sent..]).await;
    Ok(stream)
}

/// Whether this machine has an address from which `addr` can be called; sends nothing.
///
/// Without one, as without IPv6 in a container, a connection fails just as it does where all ports are taken. UDP has
/// ports of its own, so it fails only for the first of the two reasons.
fn has_own_addr(addr: SocketAddr) -> bool {
    let asked = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))
        .and_then(|it| it.connect(&addr.into()));
    !asked.is_err_and(|it| it.kind() == io::ErrorKind::AddrNotAvailable)
}

#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    // EAGAIN, which is this elsewhere, means that the machine is full.
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Whether a connection that takes no words may still come to stand, or stood and is gone again.
fn is_later_matter(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::NotConnected
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
    )
}

/// Tells what an error says about the peer from what it says about this machine.
pub fn classify(error: io::Error) -> DialError {
    if is_machine_full(&error) {
        return DialError::MachineFull(error);
    }
    let outcome = match error.kind() {
        io::ErrorKind::ConnectionRefused => Outcome::ConnectRefused,
        io::ErrorKind::TimedOut => Outcome::ConnectTimeout,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Outcome::ConnectUnreachable,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Outcome::ConnectReset,
        _ if has_no_such_network(&error) => Outcome::ConnectUnreachable,
        _ => Outcome::ConnectOther,
    };
    DialError::Failed(Failure {
        outcome,
        reason: Some(error.to_string()),
    })
}

/// Whether this machine knows nothing of the address's whole family, as where IPv6 is left out of its kernel.
fn has_no_such_network(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        error.raw_os_error() == Some(libc::EAFNOSUPPORT)
    }
    #[cfg(not(unix))]
    {
        // WSAEAFNOSUPPORT
        error.raw_os_error() == Some(10_047)
    }
}

/// Whether the machine had no file, port or buffer left for another connection.
fn is_machine_full(error: &io::Error) -> bool {
    if matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory
    ) {
        return true;
    }
    #[cfg(unix)]
    {
        // connect(2): EAGAIN means that no port is free for this destination.
        const FULL: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::EAGAIN];
        error.raw_os_error().is_some_and(|it| FULL.contains(&it))
    }
    #[cfg(not(unix))]
    {
        // WSAEMFILE, WSAENOBUFS
        matches!(error.raw_os_error(), Some(10_024 | 10_055))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_own_lacks_are_no_fact_about_the_peer() {
        check(libc::EMFILE, "machine full");
        check(libc::EADDRNOTAVAIL, "machine full");
        check(libc::ECONNREFUSED, "connect_refused");
        check(libc::EHOSTUNREACH, "connect_unreachable");
        check(libc::ENETUNREACH, "connect_unreachable");
        check(libc::EAFNOSUPPORT, "connect_unreachable");
        check(libc::ECONNRESET, "connect_reset");
        check(libc::ETIMEDOUT, "connect_timeout");
        check(libc::EPERM, "connect_other");
    }

    #[track_caller]
    fn check(errno: i32, expected: &str) {
        let seen = match classify(io::Error::from_raw_os_error(errno)) {
            DialError::MachineFull(_) => "machine full",
            DialError::WayDown(_) => "way down",
            DialError::Failed(failure) => failure.outcome.code(),
        };
        assert_eq!(seen, expected);
    }
}
