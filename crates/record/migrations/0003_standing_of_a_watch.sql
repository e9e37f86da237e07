-- These two are of rounds of a watch.
-- JSON: what kept it from seeing what is there, a list of texts.
ALTER TABLE crawls ADD COLUMN problems TEXT NOT NULL DEFAULT '[]';
-- JSON: how many nodes of which network are reachable by its snapshot, {"ipv4": 990, "onion": 10}.
ALTER TABLE crawls ADD COLUMN snapshot TEXT NOT NULL DEFAULT '{}';
