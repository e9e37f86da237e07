//! Ctrl-C: once to finish what is open, twice to quit at once.

use tokio_util::sync::CancellationToken;

/// The exit code of a program that was ended by Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

/// Cancels `stop` at the first Ctrl-C or SIGTERM, and ends the process at the second.
pub(crate) fn stop_on_signals(stop: CancellationToken) {
    tokio::spawn(async move {
        next_signal().await;
        stop.cancel();
        next_signal().await;
        std::process::exit(INTERRUPTED);
    });
}

#[cfg(unix)]
async fn next_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return wait_for_ctrl_c().await;
    };
    tokio::select! {
        () = wait_for_ctrl_c() => (),
        _ = terminate.recv() => (),
    }
}

#[cfg(not(unix))]
async fn next_signal() {
    wait_for_ctrl_c().await;
}

/// Where no signal can be had, none ever comes.
async fn wait_for_ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
