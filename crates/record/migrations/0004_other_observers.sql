-- Who saw it, as in bitnodes or sipa: what somebody else published and `import` read. NULL for our own crawls. Visits of
-- such a crawl have no version_payload; what nobody said is NULL in the columns of the version message.
ALTER TABLE crawls ADD COLUMN observer TEXT;

-- What another observer said of a node besides what a visit holds; there is no row where it said nothing more.
CREATE TABLE listed (
    visit_id INTEGER PRIMARY KEY,
    said TEXT NOT NULL                -- JSON, as in {"country": "DE", "asn": 24940, "is_good": true}; see docs/data.md
) STRICT;
