//! Letting callers reach a world: through one SOCKS5 proxy, through an I2P router, or directly, each node at its own
//! loopback address.

mod router;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::Network;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::router::Sessions;
use crate::converse::{Ending, converse, read_once};
use crate::dice::Dice;
use crate::gossip::Occasion;
use crate::kind::Dial;
use crate::peer::Peer;
use crate::socks::{self, Negotiation, Output, Request};
use crate::tally::{Counts, Tally};
use crate::world::{N_SEEDS, Reach, World};

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
        SimServer::listen_on_loopback(world, listen, Entry::Proxy, stop)
    }

    /// Starts an I2P router on `listen` that programs ask over SAM 3.1 for streams to the I2P nodes of the world.
    ///
    /// Must be called within a Tokio runtime with time and I/O. Port 0 means any free one.
    pub fn start_sam(
        world: Arc<World>,
        listen: SocketAddr,
        stop: CancellationToken,
    ) -> Result<SimServer, ServeError> {
        SimServer::listen_on_loopback(world, listen, Entry::Sam, stop)
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

    fn listen_on_loopback(
        world: Arc<World>,
        listen: SocketAddr,
        entry: Entry,
        stop: CancellationToken,
    ) -> Result<SimServer, ServeError> {
        if !listen.ip().is_loopback() {
            return Err(ServeError::NotLoopback(listen));
        }
        let listener = open(listen, |_| Ok(()))?;
        SimServer::serve(world, listen, listener, entry, stop)
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
        let reach = match entry {
            Entry::Proxy | Entry::Sam => Reach::Proxy,
            Entry::Direct => Reach::Direct(addr.port()),
        };
        let gate = Arc::new(Gate {
            seeds: seed_ips(&world),
            world,
            tally: Arc::clone(&tally),
            sessions: Sessions::default(),
            entry,
            reach,
            started: Instant::now(),
            started_at: unix_seconds(SystemTime::now()),
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
    Sam,
    Direct,
}

/// What all connections share.
#[derive(Debug)]
struct Gate {
    world: Arc<World>,
    tally: Arc<Tally>,
    sessions: Sessions,
    entry: Entry,
    reach: Reach,
    /// What names are resolved to.
    seeds: Vec<IpAddr>,
    started: Instant,
    /// Unix seconds of that moment.
    started_at: u32,
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
        let attended = match self.entry {
            Entry::Proxy => timeout(MAX_LIFE, self.attend_client(&mut stream)).await,
            Entry::Direct => timeout(MAX_LIFE, self.attend_caller(&mut stream)).await,
            // A session lasts as long as its program wants.
            Entry::Sam => Ok(self.attend_program(&mut stream).await),
        };
        match attended {
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
                let reply = match resolve(&self.seeds, &name) {
                    Some(ip) => socks::reply(socks::SUCCEEDED, Some(ip)),
                    None => socks::reply(socks::HOST_UNREACHABLE, None),
                };
                say(stream, &reply).await
            }
        }
    }

    /// Plays the proxy that dials the `n`th node, and then that node; `rest` came for it already.
    async fn connect(&self, stream: &mut TcpStream, n: usize, rest: &[u8]) -> io::Result<Ending> {
        let call = self.tally.call(n);
        let node = &self.world.nodes()[n];
        match self.world.dial(n, self.started.elapsed()) {
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
                self.talk(stream, n, call.n_earlier, rest).await
            }
        }
    }

    async fn attend_caller(&self, stream: &mut TcpStream) -> io::Result<Ending> {
        let Some(n) = self.world.find_loopback(stream.local_addr()?.ip()) else {
            self.tally.count_unknown();
            return Ok(Ending::Reset);
        };
        let call = self.tally.call(n);
        match self.world.dial(n, self.started.elapsed()) {
            Dial::Connects => self.talk(stream, n, call.n_earlier, &[]).await,
            Dial::Fails(_) | Dial::NeverAnswers => Ok(Ending::Reset),
        }
    }

    /// Lets the `n`th node take a call; `rest` was said already.
    async fn talk(
        &self,
        stream: &mut TcpStream,
        n: usize,
        n_earlier: u32,
        rest: &[u8],
    ) -> io::Result<Ending> {
        let since_start = self.started.elapsed();
        let seconds = u32::try_from(since_start.as_secs()).unwrap_or(u32::MAX);
        let occasion = Occasion {
            reach: self.reach,
            since_start,
            unix_time: self.started_at.saturating_add(seconds),
            n_earlier,
        };
        let mut peer = Peer::accept(&self.world, n, occasion);
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

/// Returns where the seeds are that a name can be resolved to.
fn seed_ips(world: &World) -> Vec<IpAddr> {
    let seeds = world.seeds(N_SEEDS).into_iter();
    seeds
        .map(|n| world.nodes()[n].addr)
        .filter(|it| it.network() == Network::Ipv4)
        .filter_map(|it| it.host.ip())
        .collect()
}

/// Resolves any name to one of the seeds, always to the same one.
fn resolve(seeds: &[IpAddr], name: &[u8]) -> Option<IpAddr> {
    let sum = name.iter().fold(0u64, |sum, it| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*it))
    });
    match seeds {
        [] => None,
        _ => Some(*Dice::new(sum, 0).pick(seeds)),
    }
}

fn unix_seconds(time: SystemTime) -> u32 {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since_1970.as_secs()).unwrap_or(u32::MAX)
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
