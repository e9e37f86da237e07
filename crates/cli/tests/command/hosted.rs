//! A simulated network in the test's own process: for worlds that the command cannot be asked for, for several ways into
//! one world, and to see how its nodes were called.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sim::truth::TruthRow;
use sim::{Counts, Kind, N_SEEDS, Reach, SimServer, World, WorldConfig};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::place::{CALLERS_PATIENCE, Place, all};

/// Any free port on loopback.
const LISTEN: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
/// How long a connection that was closed may take to be seen as such.
const PATIENCE: Duration = Duration::from_secs(20);

/// A world behind a proxy and an I2P router; they end with their value.
pub(crate) struct Hosted {
    pub(crate) world: Arc<World>,
    _runtime: Runtime,
    proxy: SimServer,
    router: SimServer,
    router_stop: CancellationToken,
}

impl Hosted {
    /// Draws the world that `config` orders, but as quick as those of [`Place::sim`].
    pub(crate) fn new(place: &Place, config: WorldConfig) -> Hosted {
        Hosted::of(place, World::generate(&quick(config)))
    }

    /// Makes a world of one node of each of `kinds`.
    pub(crate) fn of_kinds(place: &Place, config: WorldConfig, kinds: &[Kind]) -> Hosted {
        Hosted::of(place, World::of_kinds(&quick(config), kinds))
    }

    /// Writes the addresses of all nodes to `nodes.txt`, those to find the others from to `seeds.txt`.
    fn of(place: &Place, world: World) -> Hosted {
        let write = |file, nodes: Vec<usize>| {
            let addr = |n| world.addr_of(n, Reach::Proxy).to_string();
            let lines: Vec<_> = nodes.into_iter().map(addr).collect();
            place.write(file, lines.join("\n"));
        };
        write("nodes.txt", (0..world.nodes().len()).collect());
        write("seeds.txt", world.seeds(N_SEEDS));
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let world = Arc::new(world);
        let router_stop = CancellationToken::new();
        let _entered = runtime.enter();
        let proxy = SimServer::start(world.clone(), LISTEN.into(), CancellationToken::new());
        let router = SimServer::start_sam(world.clone(), LISTEN.into(), router_stop.clone());
        Hosted {
            proxy: proxy.unwrap(),
            router: router.unwrap(),
            router_stop,
            world,
            _runtime: runtime,
        }
    }

    /// Where its proxy is.
    pub(crate) fn proxy(&self) -> String {
        format!("socks5://{}", self.proxy.addr())
    }

    /// Where its I2P router is.
    pub(crate) fn router(&self) -> SocketAddr {
        self.router.addr()
    }

    /// Ends the router alone, and every stream through it.
    pub(crate) fn stop_router(&self) {
        self.router_stop.cancel();
    }

    /// The words of a crawl through its proxy that follows what nodes tell.
    pub(crate) fn all(&self) -> String {
        all(&self.proxy())
    }

    /// How the nodes were called over the proxy, and over the router, until now.
    pub(crate) fn counts(&self) -> [Counts; 2] {
        [self.proxy.counts(), self.router.counts()]
    }

    /// The same when no connection is open; panics if one stays so.
    pub(crate) fn counts_of_closed(&self) -> [Counts; 2] {
        let until = Instant::now() + PATIENCE;
        loop {
            let counts = self.counts();
            if counts.iter().all(|it| it.open == 0) {
                return counts;
            }
            assert!(Instant::now() < until, "still open: {counts:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What there is to find.
    pub(crate) fn truth(&self) -> Vec<TruthRow> {
        self.world.truth(Reach::Proxy)
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.router_stop.cancel();
    }
}

fn quick(config: WorldConfig) -> WorldConfig {
    WorldConfig {
        median_rtt: Duration::from_millis(5),
        patience: Duration::from_secs(CALLERS_PATIENCE.into()),
        ..config
    }
}
