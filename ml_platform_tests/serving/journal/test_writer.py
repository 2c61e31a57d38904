"""The writer: what is released was written, and what cannot be written is not released."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from ml_platform.exceptions import JournalUnavailable
from ml_platform.serving.journal.prediction_log import NoJournal
from ml_platform.serving.journal.record import feedback_record, prediction_record
from ml_platform.serving.journal.writer import Journal
from ml_platform.spec.serving import JournalSpec


def record(number: int, *, sent: bool = False) -> bytes:
    return prediction_record(
        prediction_id=f"id-{number}",
        sent=sent,
        key=str(number),
        at=1_700_000_000.0 + number,
        features={"age": number, "sex": "f"},
        prediction=1,
        score=0.5,
        scores=None,
        version=3,
        role="champion",
        latency_us=40,
        request_id="",
    )


def label(number: int) -> bytes:
    return feedback_record(
        prediction_id=f"id-{number}", label=True, observed_at=None, source="s", at=1_700_000_000.0
    )


def run(work: Callable[[asyncio.AbstractEventLoop], object]) -> None:
    """Call `work` on a loop, and let the loop turn until nothing is left of it."""

    async def main() -> None:
        work(asyncio.get_running_loop())
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(main())


def ids(folder: Path) -> list[str]:
    """The ids in all segments, in order, read by their framing alone."""
    found: list[str] = []
    for path in sorted(folder.rglob("*.seg")) + sorted(folder.rglob("*.open")):
        data, at = path.read_bytes(), 8
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "little")
            found.append(orjson.loads(data[at + 8 : at + 8 + size])["id"])
            at += 8 + size
    return found


def test_records_of_one_tick_are_one_write_and_are_released_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, worker="w")
    events: list[object] = []
    real = os.write

    def write(file: int, data: bytes) -> int:
        events.append("write")
        return real(file, data)

    def work(loop: asyncio.AbstractEventLoop) -> None:
        journal.bind(loop)
        journal.add([record(0)], events.append)
        events.clear()
        monkeypatch.setattr(os, "write", write)
        for number in range(1, 4):
            journal.add([record(number)], events.append)
        assert events == []

    run(work)
    monkeypatch.undo()
    journal.close()
    assert events == ["write", "write", None, None, None, None]  # the header, the group
    assert ids(tmp_path) == ["id-0", "id-1", "id-2", "id-3"]
    assert (journal.counts().groups, journal.counts().records) == (1, 4)


def test_power_releases_after_the_device_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[object] = []
    for name, word in (("fsync", "named"), ("fdatasync", "synced")):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda file, real=real, word=word: (real(file), events.append(word))
        )

    async def main() -> None:
        journal = Journal(tmp_path, worker="w", durability="power")
        journal.bind(asyncio.get_running_loop())
        for number in range(3):
            answered = asyncio.Event()

            def done(error: object, answered: asyncio.Event = answered) -> None:
                events.append(error)
                answered.set()

            journal.add([record(number)], done)
            await asyncio.wait_for(answered.wait(), 10)
        journal.add([record(3)], events.append)
        journal.close()

    asyncio.run(main())
    assert events[:2] == ["named", "named"], "its folder, and the one above"
    assert events[2:] == ["synced", None] * 4
    assert ids(tmp_path) == ["id-0", "id-1", "id-2", "id-3"]


@pytest.mark.parametrize("waits", [False, True])
def test_durability_declared_anew_holds_from_the_next_record_and_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    """waits: for each answer; without it the change comes while a group is at the device."""
    synced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: (synced.append(file), real(file)))
    answers: list[object] = []
    counts: list[int] = []

    async def answered(number: int) -> None:
        async with asyncio.timeout(30):
            while len(answers) < number:
                await asyncio.sleep(0.001)

    async def main() -> None:
        journal = Journal(tmp_path, worker="w")
        journal.bind(asyncio.get_running_loop())
        for number, durability in enumerate(["process", "power", "process", "power"]):
            journal.keep_to(JournalSpec(durability=durability))  # pyright: ignore
            for one in (2 * number, 2 * number + 1):
                journal.add([record(one)], answers.append)
                await (answered(one + 1) if waits else asyncio.sleep(0))
            counts.append(len(synced))
        journal.close()
        await answered(8)

    asyncio.run(main())
    assert answers == [None] * 8
    assert sorted(ids(tmp_path)) == sorted(f"id-{number}" for number in range(8))
    assert list(tmp_path.rglob("*.open")) == []
    if waits:
        assert counts == [0, 2, 2, 4]


def test_full_disk_is_met_as_declared_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, worker="w")
    answers: list[object] = []

    def full(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", full)
    run(lambda loop: (journal.bind(loop), journal.add([record(1)], answers.append)))
    journal.keep_to(JournalSpec(on_full="serve_unlogged"))
    run(lambda loop: (journal.bind(loop), journal.add([record(2)], answers.append)))
    monkeypatch.undo()
    journal.close()

    assert isinstance(answers[0], JournalUnavailable)
    assert answers[1] is None
    assert (journal.counts().refused, journal.counts().unlogged) == (1, 1)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_full_disk_refuses_then_recovers_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    journal = Journal(tmp_path, worker="w")
    answers: list[JournalUnavailable | None] = []
    run(lambda loop: (journal.bind(loop), journal.add([record(0)], answers.append)))
    real = os.write

    def write(file: int, data: bytes) -> int:
        if len(data) > 100:
            return real(file, data[:100])  # a part fits
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "write", write)
    run(lambda loop: (journal.bind(loop), journal.add([record(1)], answers.append)))
    monkeypatch.undo()
    assert isinstance(answers[1], JournalUnavailable)
    assert answers[1].status == 503
    assert answers[1].reason == ("disk_full" if code == errno.ENOSPC else "failed")
    assert journal.counts().error is answers[1]
    journal._retry_at = 0
    run(lambda loop: (journal.bind(loop), journal.add([record(2)], answers.append)))
    journal.close()
    assert answers[2] is None
    assert sorted(ids(tmp_path)) == ["id-0", "id-2"]
    assert len(list(tmp_path.rglob("*.seg"))) == 2, "nothing is appended after a failed write"
    assert journal.counts().error is None
    assert journal.counts().refused == 1


def test_serve_unlogged_answers_and_counts(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("a file where the folder should be")
    journal = Journal(tmp_path, worker="w", on_full="serve_unlogged")
    answers: list[object] = []
    run(lambda loop: (journal.bind(loop), journal.add([record(0), record(1)], answers.append)))
    assert answers == [None]
    assert (journal.counts().unlogged, journal.counts().records) == (2, 0)


def test_labels_are_refused_where_predictions_are_served_unlogged(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("a file where the folder should be")
    journal = Journal(tmp_path, worker="w", on_full="serve_unlogged")
    answers: dict[str, object] = {}

    def ask(loop: asyncio.AbstractEventLoop) -> None:
        journal.bind(loop)
        journal.add([record(0)], lambda error: answers.update(prediction=error))
        journal.add([label(0), label(1)], lambda error: answers.update(labels=error))

    run(ask)
    journal.close()
    journal.add([label(2)], lambda error: answers.update(late=error))
    assert answers["prediction"] is None
    assert isinstance(answers["labels"], JournalUnavailable)
    assert isinstance(answers["late"], JournalUnavailable)
    assert (journal.counts().unlogged, journal.counts().refused) == (1, 3)


def test_too_much_waiting_is_refused_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, worker="w", queue_bytes=300)
    answers: list[JournalUnavailable | None] = []

    def work(loop: asyncio.AbstractEventLoop) -> None:
        journal.bind(loop)
        for number in range(4):
            journal.add([record(number)], answers.append)
        assert [answer.reason for answer in answers if answer] == ["behind"] * len(answers)
        assert answers

    run(work)
    journal.close()
    assert len(answers) == 4
    assert answers.count(None) == len(ids(tmp_path))


def test_id_of_a_client_is_logged_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, worker="w")
    answers: list[object] = []
    for _ in range(3):
        run(
            lambda loop: (
                journal.bind(loop),
                journal.add([record(7, sent=True)], answers.append),
                journal.add([record(8)], answers.append),
            )
        )
    journal.close()
    assert answers == [None] * 6
    assert ids(tmp_path) == ["id-7", "id-8", "id-8", "id-8"]
    assert journal.counts().repeated == 2


def test_segments_rotate_by_size(tmp_path: Path) -> None:
    journal = Journal(tmp_path, worker="w", segment_bytes=600)

    async def main() -> None:
        journal.bind(asyncio.get_running_loop())
        for number in range(4):
            journal.add([record(number)], lambda _: None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    asyncio.run(main())
    assert len(list(tmp_path.rglob("*.seg"))) == 1
    assert len(list(tmp_path.rglob("*.open"))) == 1
    assert ids(tmp_path) == [f"id-{number}" for number in range(4)]


def test_segments_rotate_by_age(tmp_path: Path) -> None:
    journal = Journal(tmp_path, worker="w", segment_seconds=0.02)

    async def main() -> None:
        journal.bind(asyncio.get_running_loop())
        journal.add([record(1)], lambda _: None)
        while not list(tmp_path.rglob("*.seg")):
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert list(tmp_path.rglob("*.open")) == []
    assert ids(tmp_path) == ["id-1"]


def test_answer_that_raises_keeps_no_other_from_being_released(tmp_path: Path) -> None:
    journal = Journal(tmp_path, worker="w")
    answers: list[object] = []
    raised: list[object] = []

    def broken(_: object) -> None:
        raise RuntimeError("the connection is gone")

    def work(loop: asyncio.AbstractEventLoop) -> None:
        loop.set_exception_handler(lambda _, context: raised.append(context["exception"]))
        journal.bind(loop)
        for done in (answers.append, broken, answers.append, broken, answers.append):
            journal.add([record(1)], done)

    run(work)
    journal.close()
    assert answers == [None] * 3
    assert len(raised) == 2


def test_worker_that_starts_again_closes_what_a_dead_one_left_and_appends_to_nothing(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "w"
    folder.mkdir()
    torn = folder / "00000000000001-ab.open"
    torn.write_bytes(b"MLPJ\x01\r\n\x00half a rec")
    alive = Journal(tmp_path, worker="w")
    run(lambda loop: (alive.bind(loop), alive.add([record(0)], lambda _: None)))
    again = Journal(tmp_path, worker="w")
    run(lambda loop: (again.bind(loop), again.add([record(1)], lambda _: None)))
    assert not torn.exists()
    assert torn.with_suffix(".seg").read_bytes().endswith(b"half a rec")
    assert len(list(folder.glob("*.open"))) == 2, "the living one's segment stays its own"
    alive.close()
    again.close()


def test_closed_journal_refuses(tmp_path: Path) -> None:
    journal = Journal(tmp_path, worker="w")
    answers: list[JournalUnavailable | None] = []
    journal.close()
    journal.close()
    journal.add([record(0)], answers.append)
    assert answers[0] is not None
    assert answers[0].reason == "closed"


def test_no_journal_releases_at_once() -> None:
    answers: list[object] = []
    NoJournal().add([record(0)], answers.append)
    assert answers == [None]
