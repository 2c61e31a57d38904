"""The journal: what logging costs a request, and how fast the log becomes a table.

    python benchmarks/journal.py [--rounds N] [--rows N] [--seconds S]

Writing: an asyncio loop in which N clients each send the next request when the last is answered,
and do nothing else, with no journal, `process` and `power`, by turns; so the ratio is the worst
that there can be, and the microseconds are what is added to a request.
Reading: the platform's ingestion (segments with checksums to the partitioned Delta table, ids
checked, exactly once) against a script that reads the same records from a file of JSON lines into
a frame and writes that to a Delta table. Before the clock starts both have imported what they
need, and the records are on the disk.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import uvloop
from deltalake import write_deltalake

from ml_platform.component.platform import Platform
from ml_platform.component.steps.ingest_journal import ingest_journal
from ml_platform.serving.journal.prediction_log import NoJournal, PredictionLog
from ml_platform.serving.journal.record import prediction_record
from ml_platform.serving.journal.writer import Journal
from ml_platform.settings import Settings
from ml_platform.spec.load import load_declaration
from ml_platform.spec.roots import SHIPPED

MODEL = "flight_delays"
CLIENTS = (1, 10, 50)
MODES = ("none", "process", "power")
FEATURES = {
    "carrier": "UA",
    "origin": "EWR",
    "dest": "ORD",
    "distance": 719,
    "dep_delay": 3.5,
    "scheduled_departure": "2013-07-04T13:45:00",
}


def record(number: int, *, at: float) -> bytes:
    return prediction_record(
        prediction_id=f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}",
        sent=False,
        key=str(number),
        at=at,
        features={**FEATURES, "distance": 100 + number % 4000, "dep_delay": number % 97 / 2},
        prediction=number % 2,
        score=number % 1000 / 1000,
        scores=None,
        version=3,
        role="champion",
        latency_us=40,
        request_id="",
    )


async def requests_a_second(log: PredictionLog, clients: int, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    log.bind(loop)
    payload = (record(1, at=time.time()),)
    answered, ended = 0, loop.create_future()
    began = time.perf_counter()

    def answer(error: Exception | None) -> None:
        nonlocal answered
        assert error is None
        answered += 1
        if time.perf_counter() - began < seconds:
            loop.call_soon(log.add, payload, answer)
        elif not ended.done():
            ended.set_result(None)

    for _ in range(clients):
        loop.call_soon(log.add, payload, answer)
    await ended
    rate = answered / (time.perf_counter() - began)
    log.close()
    return rate


def written(mode: str, clients: int, seconds: float) -> float:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        log = NoJournal() if mode == "none" else Journal(Path(folder), worker="w", durability=mode)
        return uvloop.run(requests_a_second(log, clients, seconds))


def measure_writer(rounds: int, seconds: float) -> None:
    print("writer: requests a second (median), ratio to none, microseconds added a request")
    for clients in CLIENTS:
        rates: dict[str, list[float]] = {mode: [] for mode in MODES}
        for _ in range(rounds):
            for mode in MODES:
                rates[mode].append(written(mode, clients, seconds))
        middle = {mode: statistics.median(found) for mode, found in rates.items()}
        for mode in MODES:
            added = (1 / middle[mode] - 1 / middle["none"]) * 1e6
            ratio = middle[mode] / middle["none"]
            print(f"  {clients:3} {mode:8} {middle[mode]:10,.0f}  {ratio:5.2f}  {added:8.1f}")


async def fill(folder: Path, records: list[bytes]) -> None:
    journal = Journal(folder, worker="w")
    journal.bind(asyncio.get_running_loop())
    for at in range(0, len(records), 500):
        for each in records[at : at + 500]:
            journal.add((each,), lambda _: None)
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    journal.close()


class Pace(NamedTuple):
    """Rows a second, by the clock and of CPU; the second bears other work on the machine."""

    wall: float
    cpu: float


@contextmanager
def paced(rows: int) -> Iterator[list[Pace]]:
    found: list[Pace] = []
    wall, cpu = time.perf_counter(), time.process_time()
    yield found
    found.append(Pace(rows / (time.perf_counter() - wall), rows / (time.process_time() - cpu)))


def ingested(records: list[bytes]) -> Pace:
    with tempfile.TemporaryDirectory(dir=".") as home:
        settings = Settings.from_environment({"ML_PLATFORM_HOME": home})
        declaration = load_declaration(SHIPPED / MODEL / "defs.yaml")
        asyncio.run(fill(settings.journal / MODEL, records))
        with paced(len(records)) as pace:
            outcome = ingest_journal(declaration, Platform(settings), now=datetime.now(UTC))
        assert (outcome.rows, outcome.duplicates) == (len(records), 0), outcome
        return pace[0]


def naively(records: list[bytes]) -> Pace:
    with tempfile.TemporaryDirectory(dir=".") as home:
        lines = Path(home, "records.jsonl")
        lines.write_bytes(b"\n".join(records))
        with paced(len(records)) as pace:
            with lines.open() as file:
                read = [json.loads(line) for line in file]
            frame = pd.json_normalize(read)
            frame["time"] = pd.to_datetime(frame.pop("at"), unit="s", utc=True)
            frame["day"] = frame["time"].dt.date
            write_deltalake(f"{home}/table", frame, partition_by=["day"])
        return pace[0]


def measure_ingestion(rounds: int, rows: int) -> None:
    now = time.time()
    records = [record(number, at=now + number / 1000) for number in range(rows)]
    ingested(records[:1000])
    naively(records[:1000])
    pairs = [(ingested(records), naively(records)) for _ in range(rounds)]
    size = statistics.mean(map(len, records[:1000]))
    print(
        f"ingestion of {rows:,} records of {size:.0f} bytes, rows a second (median); goal 200,000"
    )
    for by in Pace._fields:
        ours = statistics.median(getattr(pair[0], by) for pair in pairs)
        theirs = statistics.median(getattr(pair[1], by) for pair in pairs)
        ratio = statistics.median(getattr(a, by) / getattr(b, by) for a, b in pairs)
        print(f"  by {by:4}  ours {ours:9,.0f}  naive {theirs:9,.0f}  ratio {ratio:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each writing")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    measure_writer(asked.rounds, asked.seconds)
    measure_ingestion(asked.rounds, asked.rows)


if __name__ == "__main__":
    main()
