"""Predictions joined with their labels: seconds and peak memory, beside a merge by pandas.

    python benchmarks/feedback_join.py [--rows N ...] [--peer N]

`--rows 10000000` is the size of the goal; without it one million. Both tables are made first: a
month of predictions, a label for each in random order, on local disk. Each join runs in a process
of its own, since a peak of memory cannot be taken back, and writes the whole result. The peer
reads the same files with pandas, merges on the prediction id and writes one Parquet file; it is
held to `--peer` rows, as it needs several times the memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS_AT_ONCE = 1_000_000
MODEL = "bench"

PREDICTIONS = """
SELECT md5(i::VARCHAR) AS prediction_id, NULL::VARCHAR AS key,
       TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL ((i * 2592000) // {rows}) SECOND AS time,
       '1' AS prediction, (i % 1000) / 1000 AS score, NULL::DOUBLE[] AS scores,
       1::BIGINT AS version, 'champion' AS role, 100::BIGINT AS latency_us, '' AS request_id,
       false AS random, 's' AS segment
FROM range({start}, {end}) AS t(i)
"""

LABELS = """
SELECT md5(j::VARCHAR) AS prediction_id, NULL::VARCHAR AS key,
       CASE WHEN j % 5 = 0 THEN '1' ELSE '0' END AS label,
       TIMESTAMPTZ '2026-01-02 00:00:00+00' + INTERVAL ((j * 2592000) // {rows}) SECOND
           AS observed_at,
       'system' AS source, TIMESTAMPTZ '2026-02-05 00:00:00+00' AS received_at
FROM (SELECT (i * 7368787) % {rows} AS j FROM range({start}, {end}) AS t(i))
"""
"""7368787 is a prime, so that every prediction gets one label, in an order like a random one."""


def make(folder: Path, rows: int) -> None:
    import duckdb

    from ml_platform.feedback.inference_table import InferenceTable
    from ml_platform.feedback.labels_received import labels_table

    tables = (
        (PREDICTIONS, InferenceTable(str(folder), MODEL)),
        (LABELS, labels_table(str(folder), MODEL)),
    )
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        for text, table in tables:
            for start in range(0, rows, ROWS_AT_ONCE):
                end = min(rows, start + ROWS_AT_ONCE)
                part = duck.sql(text.format(rows=rows, start=start, end=end)).to_arrow_table()
                if not table.append(part, {"bench": end}, looked=table.look()):
                    raise SystemExit("another writer is in the benchmark's own folder")


def ours(folder: Path, rows: int) -> int:
    from ml_platform.data.contract import ColumnContract
    from ml_platform.feedback.join import LabelJoin
    from ml_platform.feedback.label_contract import LabelContract

    contract = LabelContract("late", ColumnContract(dtype="int64", allowed=(0, 1)))
    record = LabelJoin(str(folder), MODEL, contract=contract).run().record
    return record.counts["joined"]


def by_pandas(folder: Path, rows: int) -> int:
    from deltalake import DeltaTable

    log = DeltaTable(str(folder / MODEL / "inference_log")).to_pandas(
        columns=["prediction_id", "time", "prediction", "score", "version", "role", "random"]
    )
    labels = DeltaTable(str(folder / MODEL / "labels_received")).to_pandas()
    joined = labels.drop(columns=["key"]).merge(log, on="prediction_id", how="left")
    joined = joined.sort_values("observed_at").drop_duplicates("prediction_id", keep="last")
    joined.to_parquet(folder / "joined.parquet")
    return int(joined["time"].notna().sum())


WAYS = {"ours": ours, "pandas": by_pandas}


def measure(way: str, folder: Path, rows: int) -> dict[str, float]:
    start, cpu = time.perf_counter(), sum(os.times()[:2])
    found = WAYS[way](folder, rows)
    if found != rows:
        raise SystemExit(f"{way} joined {found:,} of {rows:,}")
    return {
        "seconds": time.perf_counter() - start,
        "cpu": sum(os.times()[:2]) - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def in_own_process(way: str, folder: Path, rows: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", way, "--folder", str(folder)]
    done = subprocess.run([*command, "--rows", str(rows)], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--peer", type=int, default=2_000_000, help="most rows for pandas")
    parser.add_argument("--measure", choices=list(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.folder, given.rows[0])))
        return
    print("| predictions and labels | way | seconds | CPU seconds | peak GB | labels a second |")
    print("| --- | --- | --- | --- | --- | --- |")
    for rows in given.rows:
        for way, size in (("ours", rows), ("pandas", min(rows, given.peer))):
            with tempfile.TemporaryDirectory() as folder:
                make(Path(folder), size)
                found = in_own_process(way, Path(folder), size)
            rate = size / found["seconds"]
            print(
                f"| {size:,} | {way} | {found['seconds']:.1f} | {found['cpu']:.1f} | "
                f"{found['peak']:.2f} | {rate:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
