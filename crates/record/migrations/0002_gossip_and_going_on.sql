-- In which manner we spoke: old or old_no_checksum; NULL for that of every node today.
ALTER TABLE visits ADD COLUMN dialect TEXT;
-- JSON: how many entries it told of which network, {"ipv4": 990, "onion": 10}; NULL where it was not asked.
ALTER TABLE visits ADD COLUMN addresses_told TEXT;

-- JSON: how many addresses the crawl left out, by reason.
ALTER TABLE crawls ADD COLUMN left_out TEXT NOT NULL DEFAULT '{}';
-- The rounds of one watch have the same number; NULL for a crawl of its own.
ALTER TABLE crawls ADD COLUMN series INTEGER;

-- What peers told of each other, where that was asked for.
CREATE TABLE edges (
    visit_id INTEGER PRIMARY KEY,     -- in which visit it was told
    claims BLOB NOT NULL              -- addrv2 payloads (BIP 155) of up to 1,000 entries, each behind its length as
                                      -- a CompactSize; time 0 where none was told
) STRICT;

-- Addresses that a crawl knows, in the order in which it came to know them: so it can go on where it was. They go when
-- it has finished, or when the next crawl of its chain begins.
CREATE TABLE learned (
    learned_id INTEGER PRIMARY KEY,
    crawl_id INTEGER NOT NULL REFERENCES crawls,
    address TEXT NOT NULL,            -- host:port, IPv6 in brackets
    source INTEGER NOT NULL,          -- a place in crawls.sources, from 0
    teller TEXT,                      -- the peer that told it; NULL where a source did
    time INTEGER,                     -- what was claimed: when it was seen, seconds since 1970
    services INTEGER NOT NULL         -- and its service bits, 64 bits read as a signed number
) STRICT;
