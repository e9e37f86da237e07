//! What is not called, and why.

/// Why something that was told is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LeftOut {
    /// No node of the public network has such an address.
    Unroutable,
    /// All sources name private addresses, so this is a test network, and it must not lead into the public one.
    Outside,
    /// There is no way into its network from here.
    NetworkOff,
    /// The claim was too old.
    Stale,
    /// Its teller had brought as many new ones as one peer may.
    OverQuota,
    /// Too many of its neighbourhood are known that have not answered.
    PrefixFull,
    /// As many addresses are known as may be.
    OverCap,
    /// Too little of what its tellers told turned out real.
    Untrusted,
}

impl LeftOut {
    /// Every reason, in the order in which tables show them.
    pub const ALL: [LeftOut; 8] = [
        LeftOut::Unroutable,
        LeftOut::Outside,
        LeftOut::NetworkOff,
        LeftOut::Stale,
        LeftOut::OverQuota,
        LeftOut::PrefixFull,
        LeftOut::OverCap,
        LeftOut::Untrusted,
    ];

    /// Returns the word that we store and serve.
    pub fn code(self) -> &'static str {
        match self {
            LeftOut::Unroutable => "unroutable",
            LeftOut::Outside => "outside",
            LeftOut::NetworkOff => "network_off",
            LeftOut::Stale => "stale",
            LeftOut::OverQuota => "over_quota",
            LeftOut::PrefixFull => "prefix_full",
            LeftOut::OverCap => "over_cap",
            LeftOut::Untrusted => "untrusted",
        }
    }

    /// Returns what the word means, in one line for people.
    pub fn meaning(self) -> &'static str {
        match self {
            LeftOut::Unroutable => "claims about private, reserved or impossible addresses",
            LeftOut::Outside => "claims about public addresses, told in a network of private ones",
            LeftOut::NetworkOff => "claims about networks that there is no way into from here",
            LeftOut::Stale => "claims that were too old",
            LeftOut::OverQuota => "claims of peers that told more than a peer may",
            LeftOut::PrefixFull => "claims about neighbourhoods where too many did not answer",
            LeftOut::OverCap => "claims when as many addresses were known as may be",
            LeftOut::Untrusted => "addresses told only by peers that told too little truth",
        }
    }
}
