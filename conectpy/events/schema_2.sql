-- The event database, schema version 2 (PRAGMA user_version). documentation.md explains every column.
-- All times are text: UTC, ISO 8601, milliseconds, `Z`; they sort like the moments they name.

CREATE TABLE IF NOT EXISTS events (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    plc_ip            TEXT    NOT NULL,
    plc_name          TEXT    NOT NULL,
    tag               TEXT    NOT NULL,
    tag_label         TEXT    NOT NULL,
    start_ts          TEXT    NOT NULL,
    end_ts            TEXT,
    created_at        TEXT    NOT NULL,
    uid               TEXT    NOT NULL,
    start_earliest_ts TEXT,
    start_quality     TEXT    NOT NULL,
    end_earliest_ts   TEXT,
    end_quality       TEXT,
    gap_count         INTEGER NOT NULL DEFAULT 0,
    gap_s             REAL    NOT NULL DEFAULT 0,
    flags             TEXT    NOT NULL DEFAULT '',
    rev               INTEGER NOT NULL DEFAULT 0,
    duration_s        REAL,
    start_device_ts   TEXT,
    end_device_ts     TEXT
);

-- Promise E3: never two open events of one tag. Also finds the open ones among millions.
CREATE UNIQUE INDEX IF NOT EXISTS events_open ON events (plc_ip, tag) WHERE end_ts IS NULL;
CREATE INDEX IF NOT EXISTS events_by_start ON events (start_ts);
CREATE INDEX IF NOT EXISTS events_by_plc ON events (plc_ip, start_ts);
-- Wide enough to sum run hours from it alone: the rows of one tag lie far apart in the table.
CREATE INDEX IF NOT EXISTS events_by_tag ON events
    (plc_ip, tag, start_ts, end_ts, start_earliest_ts, end_earliest_ts, start_quality, gap_s, duration_s);
CREATE INDEX IF NOT EXISTS events_by_rev ON events (rev);

-- Stretches of time in which nobody saw a tag (promise E19).
CREATE TABLE IF NOT EXISTS gaps (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    plc_ip  TEXT    NOT NULL,
    tag     TEXT    NOT NULL,
    from_ts TEXT    NOT NULL,
    to_ts   TEXT    NOT NULL,
    cause   TEXT    NOT NULL,
    rev     INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS gaps_by_tag ON gaps (plc_ip, tag, from_ts);
CREATE INDEX IF NOT EXISTS gaps_by_rev ON gaps (rev);

-- What names this file, and its one counter of revisions (`rev`); see revisions.py.
CREATE TABLE IF NOT EXISTS meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value
) WITHOUT ROWID;

-- When each PLC was last read well, at most 5 s old (promise E9).
CREATE TABLE IF NOT EXISTS plcs (
    plc_ip   TEXT NOT NULL PRIMARY KEY,
    plc_name TEXT NOT NULL,
    good_ts  TEXT
) WITHOUT ROWID;

-- Every tag that ever had an event or a known state. value: 1, 0, NULL unknown; good_ts: when it was last known,
-- NULL follows plcs.good_ts; last_ts: send time of the scan behind its last transition. has_overlaps: some of its
-- events overlap (clock set back, rows of older versions), so queries cannot rely on their order.
CREATE TABLE IF NOT EXISTS tags (
    plc_ip       TEXT    NOT NULL,
    tag          TEXT    NOT NULL,
    value        INTEGER,
    good_ts      TEXT,
    last_ts      TEXT,
    has_overlaps INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (plc_ip, tag)
) WITHOUT ROWID;

-- Transitions that could not be kept (promise E17): how many, of which PLC, from when to when, and why.
CREATE TABLE IF NOT EXISTS losses (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    plc_ip     TEXT    NOT NULL,
    first_ts   TEXT    NOT NULL,
    last_ts    TEXT    NOT NULL,
    lost_count INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    created_at TEXT    NOT NULL
);
