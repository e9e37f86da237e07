//! Letting callers reach a world: through one SOCKS5 proxy, or directly, each node at its own loopback address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use proto::{Host, Network};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::converse::{Ending, converse, read_once};
use crate::dice::Dice;
use crate::kind::Dial;
use crate::node::Node;
use crate::peer::Peer;
use crate::socks::{self, Negotiation, Output, Request};
use crate::tally::{Counts, Tally};
use crate::world::World;

/// How many connections may wait to be taken; Linux allows 4,096 unless told otherwise.
const BACKLOG: i32 = 16_384;
/// The longest that a connection lasts, whatever its caller does.
const MAX_LIFE: Duration = Duration::from_secs(120);

/// Why a world cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is open to others.
    #[error("{0} is not on loopback, and a simulated network must not be open to others")]
    NotLoopback(SocketAddr),
    /// The system does not let us listen there.
    #[error("cannot listen on {at}")]
    Listen {
        /// Where.
        at: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not let us bind to the loopback device alone.
    #[error("cannot bind to the device lo alone, without which the nodes would be open to others")]
    BindDevice(#[source] io::Error),
    /// Only Linux can listen on all of `127.0.0.0/8` and nothing else.
    #[error("nodes can be reached directly on Linux only")]
    OnlyLinux,
}

/// A world that callers can reach, until its token is cancelled.
#[derive(Debug)]
pub struct SimServer {
    addr: SocketAddr,
    tally: Arc<Tally>,
    task: JoinHandle<()>,
}

impl SimServer {
    /// Starts a SOCKS5 proxy on `listen` that reaches every node of the world by its address.
    ///
    /// Must be called within a Tokio runtime with time and I/O. Port 0 means any free one.
    pub fn start(
        world: Arc<World>,
        listen: SocketAddr,
        stop: CancellationToken,
    ) -> Result<SimServer, ServeError> {
        if !listen.ip().is_loopback() {
            return Err(ServeError::NotLoopback(listen));
        }
        let listener = open(listen, |_| Ok(()))?;
        SimServer::serve(world, listen, listener, Entry::Proxy, stop)
    }

    /// Starts to listen on `port` of all loopback addresses; [`World::loopback_addr`] says which is whose.
    ///
    /// Must be called within a Tokio runtime with time and I/O. Port 0 means any free one. Connections stand at once,
    /// not after a round trip, and calls to dead nodes are reset.
    pub fn listen_direct(
        world: Arc<World>,
        port: u16,
        stop: CancellationToken,
    ) -> Result<SimServer, ServeError> {
        let all = SocketAddr::new(IpAddr::from(Ipv4Addr::UNSPECIFIED), port);
        let listener = open(all, bind_to_loopback_device)?;
        SimServer::serve(world, all, listener, Entry::Direct, stop)
    }

    /// Returns where the proxy listens; of a direct server only the port means something.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns how much there was to do until now.
    pub fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// Waits until the token is cancelled and every connection has ended.
    pub async fn join(self) -> Counts {
        if let Err(panic) = self.task.await {
            tracing::error!(%panic, "the simulated network panicked: {panic}");
        }
        self.tally.counts()
    }

    fn serve(
        world: Arc<World>,
        at: SocketAddr,
        listener: TcpListener,
        entry: Entry,
        stop: CancellationToken,
    ) -> Result<SimServer, ServeError> {
        let addr = listener
            .local_addr()
            .map_err(|source| ServeError::Listen { at, source })?;
        let tally = Arc::new(Tally::new(world.nodes().len()));
        let gate = Arc::new(Gate {
            world,
            tally: Arc::clone(&tally),
            entry,
        });
        Ok(SimServer {
            addr,
            tally,
            task: tokio::spawn(accept(listener, gate, stop)),
        })
    }
}

/// Opens a listener; `restrict` comes before it is bound.
fn open(
    at: SocketAddr,
    restrict: impl FnOnce(&Socket) -> Result<(), ServeError>,
) -> Result<TcpListener, ServeError> {
    let failed = |source| ServeError::Listen { at, source };
    let socket =
        Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP)).map_err(failed)?;
    restrict(&socket)?;
    let listen = || {
        socket.set_reuse_address(true)?;
        // Accepted connections inherit it.
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&at.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    listen().map_err(failed)
}

#[cfg(target_os = "linux")]
fn bind_to_loopback_device(socket: &Socket) -> Result<(), ServeError> {
    socket
        .bind_device(Some(b"lo"))
        .map_err(ServeError::BindDevice)
}

#[cfg(not(target_os = "linux"))]
fn bind_to_loopback_device(_socket: &Socket) -> Result<(), ServeError> {
    Err(ServeError::OnlyLinux)
}

/// Which way callers come in.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Proxy,
    Direct,
}

/// What all connections share.
#[derive(Debug)]
struct Gate {
    world: Arc<World>,
    tally: Arc<Tally>,
    entry: Entry,
}

/// Takes connections until it is told to stop, then ends them all.
async fn accept(listener: TcpListener, gate: Arc<Gate>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut stopped = pin!(stop.cancelled());
    loop {
        tokio::select! {
            () = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(Arc::clone(&gate).attend(stream));
                }
                Err(error) => {
                    // No more files, most likely: let some connections end first.
                    tracing::warn!(%error, "cannot take a connection: {error}");
                    sleep(Duration::from_millis(10)).await;
                }
            },
            Some(ended) = connections.join_next() => if let Err(panic) = ended {
                tracing::error!(%panic, "a simulated node panicked: {panic}");
            },
        }
    }
    connections.shutdown().await;
}

impl Gate {
    async fn attend(self: Arc<Gate>, mut stream: TcpStream) {
        let _open = self.tally.connection();
        let attended = async {
            match self.entry {
                Entry::Proxy => self.attend_client(&mut stream).await,
                Entry::Direct => self.attend_caller(&mut stream).await,
            }
        };
        match timeout(MAX_LIFE, attended).await {
            Ok(Ok(Ending::Reset)) => reset(stream),
            // A caller may leave whenever it likes.
            Ok(Ok(Ending::Close) | Err(_)) | Err(_) => (),
        }
    }

    async fn attend_client(&self, stream: &mut TcpStream) -> io::Result<Ending> {
        let Some((request, rest)) = negotiate(stream).await? else {
            return Ok(Ending::Close);
        };
        match request {
            Request::Connect(addr) => match addr.and_then(|it| self.world.find(&it)) {
                Some(n) => self.connect(stream, n, &rest).await,
                None => {
                    self.tally.count_unknown();
                    say(stream, &socks::reply(socks::HOST_UNREACHABLE, None)).await
                }
            },
            Request::Resolve(name) => {
                let reply = match resolve(&self.world, &name) {
                    Some(ip) => socks::reply(socks::SUCCEEDED, Some(ip)),
                    None => socks::reply(socks::HOST_UNREACHABLE, None),
                };
                say(stream, &reply).await
            }
        }
    }

    /// Plays the proxy that dials the `n`th node, and then that node; `rest` came for it already.
    async fn connect(&self, stream: &mut TcpStream, n: usize, rest: &[u8]) -> io::Result<Ending> {
        let _call = self.tally.call(n);
        let node = &self.world.nodes()[n];
        match node.kind.dial() {
            Dial::NeverAnswers => wait_for_the_end(stream).await,
            Dial::Fails(code) => {
                sleep(node.rtt).await;
                say(stream, &socks::reply(code, None)).await
            }
            Dial::Connects => {
                sleep(node.rtt).await;
                stream
                    .write_all(&socks::reply(socks::SUCCEEDED, None))
                    .await?;
                self.talk(stream, node, rest).await
            }
        }
    }

    async fn attend_caller(&self, stream: &mut TcpStream) -> io::Result<Ending> {
        let Some(n) = self.world.find_loopback(stream.local_addr()?.ip()) else {
            self.tally.count_unknown();
            return Ok(Ending::Reset);
        };
        let _call = self.tally.call(n);
        let node = &self.world.nodes()[n];
        match node.kind.is_live() {
            true => self.talk(stream, node, &[]).await,
            false => Ok(Ending::Reset),
        }
    }

    async fn talk(&self, stream: &mut TcpStream, node: &Node, rest: &[u8]) -> io::Result<Ending> {
        let mut peer = Peer::accept(node, self.world.chain().magic());
        if !rest.is_empty() {
            peer.handle_bytes(rest);
        }
        let ending = converse(stream, &mut peer).await;
        if peer.has_shaken_hands() {
            self.tally.count_handshake();
        }
        ending
    }
}

/// Returns what the client wants and what it sent behind that; `None` where it was refused or went away.
async fn negotiate(stream: &mut TcpStream) -> io::Result<Option<(Request, Vec<u8>)>> {
    let mut negotiation = Negotiation::default();
    loop {
        if read_once(stream, |bytes| negotiation.handle_bytes(bytes)).await? == 0 {
            return Ok(None);
        }
        while let Some(output) = negotiation.poll_output() {
            match output {
                Output::Reply(bytes) => stream.write_all(&bytes).await?,
                Output::Refuse(bytes) => {
                    stream.write_all(&bytes).await?;
                    return Ok(None);
                }
                Output::Do(request) => return Ok(Some((request, negotiation.into_rest()))),
            }
        }
    }
}

/// Resolves any name to the IPv4 address of a live node, always the same one.
fn resolve(world: &World, name: &[u8]) -> Option<IpAddr> {
    let mut nodes: Vec<_> = world.nodes().iter().collect();
    nodes.retain(|it| it.addr.network() == Network::Ipv4 && it.kind.is_live());
    let seed = name.iter().fold(0u64, |sum, it| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*it))
    });
    match nodes.is_empty() {
        true => None,
        false => Host::ip(&Dice::new(seed, 0).pick(&nodes).addr.host),
    }
}

async fn say(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Ending> {
    stream.write_all(bytes).await?;
    Ok(Ending::Close)
}

async fn wait_for_the_end(stream: &mut TcpStream) -> io::Result<Ending> {
    while read_once(stream, |_| ()).await? > 0 {}
    Ok(Ending::Close)
}

/// Drops the connection so that the other end sees a reset.
fn reset(stream: TcpStream) {
    if let Err(error) = SockRef::from(&stream).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "a connection was closed instead of reset: {error}");
    }
}
