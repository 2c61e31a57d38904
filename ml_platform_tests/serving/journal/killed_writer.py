"""A worker that journals and says what was acknowledged, until it is killed."""

import asyncio
import sys
from pathlib import Path

from ml_platform.serving.journal.record import prediction_record
from ml_platform.serving.journal.writer import Journal


async def main(folder: Path, durability: str, first: int) -> None:
    journal = Journal(folder, worker="w", durability=durability, segment_bytes=200_000)
    journal.bind(asyncio.get_running_loop())
    for number in range(first, first + 10_000_000):

        def done(error: Exception | None, number: int = number) -> None:
            assert error is None
            sys.stdout.write(f"{number}\n")

        record = prediction_record(
            prediction_id=f"id-{number}",
            sent=False,
            key=None,
            at=1_700_000_000.0,
            features={"text": "x" * (number % 97)},
            prediction=1,
            score=0.5,
            scores=None,
            version=1,
            role="champion",
            latency_us=1,
            request_id="",
        )
        journal.add([record], done)
        if number % 7 == 0:
            sys.stdout.flush()
            await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
