//! The session that all calls have in common: made once, kept while it is wanted, made again when it dies.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::talk::Talk;
use super::{SESSION_PATIENCE, Trouble, greet, reason_of};

/// The longest that a router is left alone which makes no session.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What calls are told about the session.
#[derive(Clone, Debug)]
pub(super) enum Session {
    /// The router is making one.
    Making,
    /// It stands.
    Standing(Standing),
    /// The router made none, and is left alone for a moment.
    Failed(Arc<str>),
}

/// A session that stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// What calls refer to it by.
    pub(super) id: Arc<str>,
    /// To be cancelled by a call to which the router says that it knows no such session.
    pub(super) is_invalid: CancellationToken,
}

/// Makes a session at the router and keeps it; ends when nobody wants to be told about it.
pub(super) async fn keep(at: String, pause: Duration, tell: watch::Sender<Session>) {
    let keeping = async {
        let mut patience = pause;
        loop {
            tell.send_replace(Session::Making);
            let made = timeout(SESSION_PATIENCE, make(&at)).await;
            let why = match made.unwrap_or_else(|_| Err(too_slow(&at))) {
                Ok((control, standing)) => {
                    let began = Instant::now();
                    tell.send_replace(Session::Standing(standing.clone()));
                    let why = wait_for_end(control, standing).await;
                    tracing::warn!(at, "the I2P session ended: {why}");
                    if began.elapsed() > patience {
                        patience = pause;
                        continue;
                    }
                    why
                }
                Err(Trouble::Router(why)) => why,
                Err(Trouble::MachineFull(error)) => error.to_string(),
            };
            tell.send_replace(Session::Failed(why.into()));
            sleep(patience).await;
            patience = (patience * 2).min(LONGEST_PAUSE.max(pause));
        }
    };
    tokio::select! {
        () = keeping => (),
        () = tell.closed() => (),
    }
}

/// Has the router make a session, which lives as long as this connection.
async fn make(at: &str) -> Result<(Talk<TcpStream>, Standing), Trouble> {
    let mut control = greet(at).await?;
    let id: Arc<str> = format!("bitcensus-{:016x}", fastrand::u64(..)).into();
    // Signature type 7 is Ed25519; with encryption types 4 and 0 old routers can answer too, as Bitcoin Core has it.
    let question = format!(
        "SESSION CREATE STYLE=STREAM ID={id} DESTINATION=TRANSIENT SIGNATURE_TYPE=7 i2cp.leaseSetEncType=4,0"
    );
    let answer = control.ask(&question, "SESSION STATUS").await?;
    if answer.result != "OK" {
        return Err(Trouble::Router(reason_of(&answer)));
    }
    let is_invalid = CancellationToken::new();
    Ok((control, Standing { id, is_invalid }))
}

fn too_slow(at: &str) -> Trouble {
    Trouble::Router(format!("the I2P router {at} made no session in time"))
}

async fn wait_for_end(mut control: Talk<TcpStream>, standing: Standing) -> String {
    tokio::select! {
        trouble = control.wait_for_end() => match trouble {
            Trouble::Router(why) => why,
            Trouble::MachineFull(error) => error.to_string(),
        },
        () = standing.is_invalid.cancelled() => "the I2P router forgot it".to_owned(),
    }
}
