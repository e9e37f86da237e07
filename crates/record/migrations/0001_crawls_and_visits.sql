-- One pass over a network.
CREATE TABLE crawls (
    crawl_id INTEGER PRIMARY KEY AUTOINCREMENT,
    chain TEXT NOT NULL,              -- mainnet, testnet3, testnet4, signet or regtest
    vantage TEXT NOT NULL,            -- where it looked from
    sources TEXT NOT NULL,            -- JSON: a list of texts; visits.source is a place in it, from 0
    started_at_us INTEGER NOT NULL,   -- microseconds since 1970
    finished_at_us INTEGER,           -- NULL until it ended in order
    n_queued INTEGER NOT NULL,        -- addresses to visit when it began
    config TEXT NOT NULL,             -- JSON
    state TEXT NOT NULL,              -- running, finished, stopped or interrupted
    n_visits INTEGER NOT NULL,
    n_reachable INTEGER NOT NULL,     -- visits that brought a valid version
    first_visit_id INTEGER,           -- its visits have numbers from this one
    last_visit_id INTEGER             -- to that one; NULL while there are none
) STRICT;

-- One attempt to talk to one address, as seen; rows are only ever added, those of one crawl with numbers in a row.
-- There is no index by address: its pages would be written all over the file, and make appending five times slower.
CREATE TABLE visits (
    visit_id INTEGER PRIMARY KEY,
    crawl_id INTEGER NOT NULL REFERENCES crawls,
    address TEXT NOT NULL,            -- host:port, IPv6 in brackets
    network TEXT NOT NULL,            -- ipv4, ipv6, onion, i2p or cjdns
    port INTEGER NOT NULL,
    source INTEGER NOT NULL,
    attempt INTEGER NOT NULL,         -- 1 for the first call of the crawl to this address
    started_at_us INTEGER NOT NULL,   -- when the dial began, microseconds since 1970
    took_us INTEGER NOT NULL,         -- from the dial to the end of the visit
    connect_us INTEGER,               -- these four: microseconds since the dial began, NULL where not reached
    version_us INTEGER,
    verack_us INTEGER,
    addrs_us INTEGER,                 -- when the questions were answered
    transport TEXT,                   -- v1 or v2
    tried TEXT,                       -- transports tried before that one, with commas; NULL for none
    outcome TEXT NOT NULL,
    reason TEXT,
    protocol_version INTEGER,         -- from here on what its version message says; NULL where absent
    services INTEGER,                 -- 64 bits read as a signed number: bit 63 makes it negative
    timestamp INTEGER,                -- the peer's clock, seconds since 1970
    nonce INTEGER,                    -- 64 bits read as a signed number
    user_agent ANY,                   -- TEXT where it is UTF-8, BLOB where not
    start_height INTEGER,
    relay INTEGER,
    addr_recv TEXT,
    addr_from TEXT,
    version_payload BLOB,             -- the payload of the version message; the columns above are read from it
    features TEXT,                    -- JSON; NULL for none
    bytes_in INTEGER NOT NULL,
    bytes_out INTEGER NOT NULL
) STRICT;
