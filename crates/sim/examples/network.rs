//! A simulated network for trying other programs on: `network PORT N_NODES MEDIAN_RTT_MS ODD_SHARE DEAD_SHARE DIR`.
//!
//! Writes `DIR/list.txt` and `DIR/truth.ndjson`, serves until its standard input ends, then tells its counts.

use std::error::Error;
use std::io::{self, BufWriter, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sim::{Reach, SimServer, World, WorldConfig, truth};
use tokio_util::sync::CancellationToken;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, n_nodes, rtt_ms, odd_share, dead_share, dir] = &words[..] else {
        return Err("usage: network PORT N_NODES MEDIAN_RTT_MS ODD_SHARE DEAD_SHARE DIR".into());
    };
    let world = Arc::new(World::generate(&WorldConfig {
        n_nodes: n_nodes.parse()?,
        median_rtt: Duration::from_millis(rtt_ms.parse()?),
        odd_share: odd_share.parse()?,
        dead_share: dead_share.parse()?,
        ..WorldConfig::default()
    }));
    write_files(&world, Path::new(dir))?;
    let listen = SocketAddr::from(([127, 0, 0, 1], port.parse()?));
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(world, listen))
}

async fn serve(world: Arc<World>, listen: SocketAddr) -> Result<(), Box<dyn Error>> {
    let stop = CancellationToken::new();
    let server = SimServer::start(world, listen, stop.clone())?;
    writeln!(io::stdout(), "socks5://{}", server.addr())?;
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    stop.cancel();
    writeln!(io::stdout(), "{:?}", server.join().await)?;
    Ok(())
}

fn write_files(world: &World, dir: &Path) -> io::Result<()> {
    let mut list = BufWriter::new(std::fs::File::create(dir.join("list.txt"))?);
    for node in world.nodes() {
        writeln!(list, "{}", node.addr)?;
    }
    list.flush()?;
    let file = std::fs::File::create(dir.join("truth.ndjson"))?;
    truth::write_ndjson(&world.truth(Reach::Proxy), &mut BufWriter::new(file))
}
