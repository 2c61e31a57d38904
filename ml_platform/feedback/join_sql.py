"""The statements of the label join, in the order in which they run.

Views `inbox` (labels as they came), `waiting` (labels unknown so far) and `log` (predictions) are
there before; so is the table `verdicts`, of what the contract says of each distinct label.
"""

FRESH = """
CREATE OR REPLACE TEMP VIEW fresh AS
SELECT g.prediction_id, g.key, coalesce(v.canonical, g.label) AS label, g.observed_at,
       g.received_at, g.source,
       CASE WHEN g.prediction_id IS NULL AND g.key IS NULL THEN 'neither prediction_id nor key'
            WHEN epoch_us(g.observed_at) > epoch_us(g.received_at) + 86400000000
                THEN 'observed_at: more than a day after received_at'
            ELSE v.reason END AS reason
FROM (SELECT prediction_id, CASE WHEN prediction_id IS NULL THEN key END AS key,
             coalesce(label, 'null') AS label, coalesce(observed_at, received_at) AS observed_at,
             received_at, coalesce(source, '') AS source
      FROM inbox) AS g
LEFT JOIN verdicts AS v ON v.label = g.label
"""

ANEW = """
CREATE OR REPLACE TEMP TABLE anew AS
SELECT * FROM fresh EXCEPT ALL
SELECT CASE WHEN key IS NULL THEN prediction_id END, key, label, observed_at, received_at, source,
       reason
FROM delivered
"""
"""What of `fresh` is not in `delivered` yet, a label as often as it came more often."""

CANDIDATES = """
CREATE OR REPLACE TEMP VIEW candidates AS
SELECT prediction_id, key, label, observed_at, received_at, source, reason FROM {fresh}
UNION ALL
SELECT prediction_id, key, label, observed_at, received_at, source, reason FROM waiting
"""
"""Every label that shall get an outcome; one with a reason is refused, whatever it belongs to."""

ANSWERED = """
CREATE OR REPLACE TEMP VIEW answers AS
SELECT prediction_id AS id, key AS of_key, time, prediction, score, version, role, random
FROM log WHERE role IS DISTINCT FROM 'shadow'
"""

ANSWERED_ONCE = (
    ANSWERED + "QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY time) = 1"
)
"""For a log that has a prediction twice, which it should not."""

LABEL_VALUES = {
    "label": "SELECT coalesce(canonical, label) FROM verdicts UNION ALL SELECT label FROM waiting",
    "source": "SELECT coalesce(source, '') FROM inbox UNION ALL SELECT source FROM waiting",
}
ANSWER_VALUES = {"prediction": "SELECT prediction FROM log", "role": "SELECT role FROM log"}
"""Where all values of these columns of `candidates` and `answers` are found without making them.

The views `wanted` and `answered` are the same rows with these columns as codes.
"""

OUTCOMES = "CREATE TYPE outcomes AS ENUM ('joined', 'unknown', 'quarantined')"
"""What the staging can say, as codes too."""

_BY_ID = """
SELECT c.*, a.* FROM (SELECT * REPLACE (NULL::VARCHAR AS key) FROM wanted WHERE key IS NULL) AS c
LEFT JOIN answered AS a ON a.id = CASE WHEN c.reason IS NULL THEN c.prediction_id END
"""
"""A refused label finds nothing. The key is said to be nothing, so that no room is kept for it."""

_BY_KEY = """
SELECT c.*, a.* FROM (SELECT * FROM wanted WHERE key IS NOT NULL) AS c
ASOF LEFT JOIN (SELECT * FROM answered WHERE of_key IS NOT NULL) AS a
ON CASE WHEN c.reason IS NULL THEN c.key END = a.of_key AND c.observed_at >= a.time
"""

_MATCHED = """
SELECT coalesce(id, prediction_id) AS prediction_id, key, label, observed_at, received_at, source,
       CASE WHEN reason IS NOT NULL THEN 'quarantined'::outcomes
            WHEN id IS NULL THEN 'unknown'::outcomes ELSE 'joined'::outcomes END AS outcome,
       reason, time, prediction, score, version, role, random,
       CASE WHEN reason IS NOT NULL THEN 'quarantined' WHEN id IS NULL THEN 'unknown'
            ELSE CAST(DATE '1970-01-01' + CAST(epoch_us(time) // 86400000000 AS INT) AS VARCHAR)
            END AS part
FROM ({matched})
"""


def staged(*, by_id: bool, by_key: bool) -> str:
    """Every fresh and waiting label with its prediction, where there is one, and its partition.

    by_id, by_key: which of both kinds of candidates there are.
    """
    ways = [text for text, there in ((_BY_ID, by_id), (_BY_KEY, by_key)) if there]
    return " UNION ALL ".join(_MATCHED.format(matched=text) for text in ways or [_BY_ID])


RANKED = """
SELECT * EXCLUDE (outcome, place, standing),
       CASE WHEN place = 1 THEN 'joined' WHEN label = standing THEN 'duplicate'
            ELSE 'contradicting' END AS outcome
FROM (SELECT *, row_number() OVER latest AS place, first_value(label) OVER latest AS standing
      FROM ({rows})
      WINDOW latest AS (PARTITION BY prediction_id ORDER BY observed_at DESC, received_at DESC,
                        label DESC, source, key))
"""
"""The outcome of all labels of some predictions: the last observed stands."""
