//! How many connections this machine can hold open at once.

/// Files that are kept for everything that is no connection: the store, its journal, logs, the terminal, DNS.
const RESERVED_FILES: u64 = 64;

/// More calls at once than this are only made where somebody asks for them: the kernel has about 28,000 ports for
/// outgoing connections to one address, which is what a proxy is.
const USUAL_IN_FLIGHT: u64 = 24_000;

/// What the machine allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// How many files this process may hold open.
    pub open_files: u64,
    /// How many calls can be in flight at once.
    pub max_in_flight: usize,
    /// How many are, unless told otherwise.
    pub usual_in_flight: usize,
}

impl Capacity {
    /// Raises the soft limit of open files to the hard one, and returns what that permits.
    ///
    /// A system that does not let itself be asked counts as one that allows 1,024.
    pub fn claim() -> Capacity {
        let asked = rlimit::increase_nofile_limit(u64::MAX);
        Capacity::of(asked.unwrap_or(1_024))
    }

    fn of(open_files: u64) -> Capacity {
        let max_in_flight = open_files.saturating_sub(RESERVED_FILES).max(1);
        let count = |n| usize::try_from(n).unwrap_or(usize::MAX);
        Capacity {
            open_files,
            max_in_flight: count(max_in_flight),
            usual_in_flight: count(max_in_flight.min(USUAL_IN_FLIGHT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_kept_and_never_all_is_taken() {
        let of = |open_files| {
            let it = Capacity::of(open_files);
            (it.max_in_flight, it.usual_in_flight)
        };
        assert_eq!(of(20_000), (19_936, 19_936));
        assert_eq!(of(1_000_000), (999_936, 24_000));
        assert_eq!(of(10), (1, 1));
    }
}
