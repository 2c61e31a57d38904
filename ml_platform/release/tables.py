"""The tables of the release store and what is asked of them; SQL of SQLite and Postgres alike."""

CREATE = (
    """
CREATE TABLE IF NOT EXISTS release_transitions (
    model TEXT NOT NULL,
    revision INTEGER NOT NULL,
    action TEXT NOT NULL,
    version INTEGER NOT NULL,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    evidence TEXT NOT NULL,
    plan TEXT,
    PRIMARY KEY (model, revision)
)""",
    # What replaying the transitions gives, so that nobody who polls has to.
    """
CREATE TABLE IF NOT EXISTS release_states (
    model TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    state TEXT NOT NULL
)""",
    """
CREATE TABLE IF NOT EXISTS release_evidence (
    model TEXT NOT NULL,
    entered INTEGER NOT NULL,
    worker TEXT NOT NULL,
    version INTEGER NOT NULL,
    role TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (model, entered, worker, version, role)
)""",
    """
CREATE TABLE IF NOT EXISTS release_workers (
    model TEXT NOT NULL,
    worker TEXT NOT NULL,
    host TEXT NOT NULL,
    url TEXT NOT NULL,
    revision INTEGER NOT NULL,
    versions TEXT NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL,
    process TEXT NOT NULL DEFAULT '',
    ended BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (model, worker)
)""",
)

ADDED = (
    ("release_transitions", "plan", "TEXT"),
    ("release_workers", "process", "TEXT NOT NULL DEFAULT ''"),
    ("release_workers", "ended", "BOOLEAN NOT NULL DEFAULT FALSE"),
)
"""Columns that tables of an earlier version of ml_platform lack: table, name, type."""

INSERT = """
INSERT INTO release_transitions (model, revision, action, version, at, who, why, evidence, plan)
VALUES (:model, :revision, :action, :version, :at, :who, :why, :evidence, :plan)"""

HISTORY = """
SELECT model, revision, action, version, at, who, why, evidence, plan
FROM release_transitions WHERE model = :model AND revision > :after ORDER BY revision"""

MODELS = "SELECT DISTINCT model FROM release_transitions"

REVISION = "SELECT COALESCE(MAX(revision), 0) FROM release_transitions WHERE model = :model"

STATE = "SELECT revision, state FROM release_states WHERE model = :model"

STATES = "SELECT model, revision, state FROM release_states"

BEHIND = """
SELECT t.model FROM (
    SELECT model, MAX(revision) AS revision FROM release_transitions GROUP BY model
) AS t LEFT JOIN release_states s ON s.model = t.model
WHERE s.revision IS NULL OR s.revision <> t.revision"""
"""Models whose kept state is not that of their transitions: an earlier ml_platform wrote last."""

PUT_STATE = """
INSERT INTO release_states (model, revision, opened, state)
VALUES (:model, :revision, :opened, :state)
ON CONFLICT (model) DO UPDATE
SET revision = excluded.revision, opened = excluded.opened, state = excluded.state"""

PUT_EVIDENCE = """
INSERT INTO release_evidence (model, entered, worker, version, role, counts)
VALUES (:model, :entered, :worker, :version, :role, :counts)
ON CONFLICT (model, entered, worker, version, role) DO UPDATE SET counts = excluded.counts"""

EVIDENCE = """
SELECT model, entered, version, role, counts FROM release_evidence
WHERE model = :model AND entered = :entered"""

OPEN_EVIDENCE = """
SELECT e.model, e.entered, e.version, e.role, e.counts
FROM release_evidence e JOIN release_states s ON s.model = e.model
WHERE s.opened > 0 AND e.entered >= s.opened"""

FORGET_EVIDENCE = "DELETE FROM release_evidence WHERE model = :model AND entered < :revision"

PUT_WORKER = """
INSERT INTO release_workers (model, worker, host, url, revision, versions, seen_at, process, ended)
VALUES (:model, :worker, :host, :url, :revision, :versions, :seen_at, :process, :ended)
ON CONFLICT (model, worker) DO UPDATE SET host = excluded.host, url = excluded.url,
    revision = excluded.revision, versions = excluded.versions, seen_at = excluded.seen_at,
    process = excluded.process, ended = excluded.ended"""

FORGET_WORKERS = "DELETE FROM release_workers WHERE model = :model AND seen_at < :before"

WORKERS = """
SELECT model, worker, host, url, revision, versions, seen_at, process, ended
FROM release_workers WHERE model = :model ORDER BY worker"""
