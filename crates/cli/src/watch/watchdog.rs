//! Who notices that nothing happens any more: a runtime that is blocked, a disk that is stuck.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// A thread of its own, to be patted with every finished snapshot; it ends with this value.
#[derive(Debug)]
pub(crate) struct Watchdog(Sender<()>);

/// What the watchdog has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bark {
    /// There was no pat for too long.
    Stalled,
    /// There is one again.
    GoesOn,
    /// There was none for as long again: whoever started the process should start it anew.
    GaveUp,
}

impl Watchdog {
    /// Starts it; `bark` is called from its thread, and must not wait for anything.
    pub(crate) fn start(
        patience: Duration,
        mut bark: impl FnMut(Bark) + Send + 'static,
    ) -> Watchdog {
        let (pat, pats) = channel();
        thread::spawn(move || {
            let mut is_stalled = false;
            loop {
                match pats.recv_timeout(patience) {
                    Ok(()) if is_stalled => bark(Bark::GoesOn),
                    Ok(()) => (),
                    Err(RecvTimeoutError::Timeout) if is_stalled => return bark(Bark::GaveUp),
                    Err(RecvTimeoutError::Timeout) => {
                        is_stalled = true;
                        bark(Bark::Stalled);
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                is_stalled = false;
            }
        });
        Watchdog(pat)
    }

    /// Says that a snapshot is finished.
    pub(crate) fn pat(&self) {
        // One that gave up hears nothing.
        let _ = self.0.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::Receiver;

    #[test]
    fn it_barks_when_nothing_happens_and_again_when_something_does() {
        let (dog, barks) = start(Duration::from_millis(50));
        assert_eq!(barks.recv(), Ok(Bark::Stalled));
        dog.pat();
        assert_eq!(barks.recv(), Ok(Bark::GoesOn));
        assert_eq!(barks.recv(), Ok(Bark::Stalled));
        assert_eq!(barks.recv(), Ok(Bark::GaveUp));
        dog.pat();
        assert!(barks.recv().is_err(), "it is gone");
    }

    #[test]
    fn it_is_silent_while_all_is_well_and_goes_with_its_owner() {
        let (dog, barks) = start(Duration::from_secs(3_600));
        for _ in 0..100 {
            dog.pat();
        }
        drop(dog);
        assert!(barks.recv().is_err());
    }

    fn start(patience: Duration) -> (Watchdog, Receiver<Bark>) {
        let (bark, barks) = channel();
        let dog = Watchdog::start(patience, move |it| {
            let _ = bark.send(it);
        });
        (dog, barks)
    }
}
