import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from ml_platform.exceptions import NothingReleased, RevisionConflict, StoreError
from ml_platform.release import database
from ml_platform.release.memory import InMemoryReleaseStore
from ml_platform.release.state import Action
from ml_platform.release.store import ReleaseStore, SqlReleaseStore, champion
from ml_platform.testing.releases import check_release_store, promotion, transition


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/release.db"
        return
    address: str = request.getfixturevalue("postgres_url")
    yield address
    from sqlalchemy import create_engine, make_url, text

    engine = create_engine(make_url(address).set(drivername="postgresql+psycopg2"))
    with engine.begin() as connection:
        for table in ("transitions", "states", "evidence", "workers"):
            connection.execute(text(f"DROP TABLE IF EXISTS release_{table}"))
    engine.dispose()


def test_a_sql_store_keeps_the_contract(url: str) -> None:
    store = SqlReleaseStore(url)
    check_release_store(store)
    store.close()
    reopened = SqlReleaseStore(url)
    assert reopened.state("contract").champion == 9
    reopened.close()


def test_the_twin_keeps_the_contract() -> None:
    check_release_store(InMemoryReleaseStore())


_RACE = """
import sys
from ml_platform.exceptions import RevisionConflict
from ml_platform.release.store import SqlReleaseStore
from ml_platform.testing.stores import promotion
store = SqlReleaseStore(sys.argv[1])
conflicts = 0
mine = int(sys.argv[2])
done = 0
while done < 10:
    state = store.state("m")
    version = mine * 1000 + done
    try:
        store.append(promotion("m", state.revision + 1, version), expected_revision=state.revision)
        done += 1
    except RevisionConflict:
        conflicts += 1
print(conflicts)
"""


def test_processes_that_start_and_write_at_once_lose_no_transition(url: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, url, str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in (1, 2)
    ]
    outputs = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    store = SqlReleaseStore(url)
    history = store.history("m")
    assert [transition.revision for transition in history] == list(range(1, 21))
    written = sorted(transition.version for transition in history)
    assert written == [*range(1000, 1010), *range(2000, 2010)]
    store.close()


def test_of_two_who_decide_on_one_revision_one_wins(url: str) -> None:
    stores = [SqlReleaseStore(url) for _ in range(6)]

    def decide(number: int) -> bool:
        try:
            stores[number].append(promotion("m", 1, number + 1), expected_revision=0)
        except RevisionConflict:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(decide, range(6)))
    assert won.count(True) == 1
    assert stores[0].state("m").champion == won.index(True) + 1
    for store in stores:
        store.close()


def test_before_the_first_release_there_is_no_champion_and_the_released_are_named() -> None:
    store: ReleaseStore = InMemoryReleaseStore()
    store.append(promotion("flights", 1, 4), expected_revision=0)
    assert champion(store, "flights") == 4
    with pytest.raises(NothingReleased, match=r"no version of 'wine' .*\(released: flights\)"):
        champion(store, "wine")


@pytest.mark.parametrize(
    "address", ["sqlite:///release.db", "sqlite://", "mysql://u:secret@h/x", "no address, secret"]
)
def test_an_address_that_is_no_store_is_refused_with_the_valid_ones(address: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite:////absolute/path/release\.db") as raised:
        SqlReleaseStore(address).state("m")
    assert "secret" not in str(raised.value)


def test_a_store_that_is_away_is_one_sentence_without_its_password() -> None:
    store = SqlReleaseStore(f"postgresql://me:{uuid4().hex}@127.0.0.1:1/x")
    with pytest.raises(StoreError, match=r"cannot read .*me:\*\*\*@.*refused") as raised:
        store.state("m")
    assert "\n" not in str(raised.value)


def test_a_store_that_takes_connections_and_never_answers_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "_CONNECT_SECONDS", 2)  # less counts as 2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(StoreError, match=r"cannot read the release store .*timeout expired"):
            SqlReleaseStore(address).revision("m")


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for what it was told")
def test_a_connection_whose_other_end_vanished_is_given_up_in_seconds(postgres_url: str) -> None:
    engine = database.open_engine(postgres_url, create=())
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        told = socket.socket(fileno=os.dup(driver.fileno()))
    with told:
        assert told.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        assert told.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, interval, count = (
            told.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
    engine.dispose()
    assert idle + interval * count == 10


def test_a_transition_of_a_later_version_is_not_misread(tmp_path: Path) -> None:
    store = SqlReleaseStore(f"sqlite:///{tmp_path}/release.db")
    store.append(promotion("m", 1, 1), expected_revision=0)
    connection = sqlite3.connect(tmp_path / "release.db")
    connection.execute("UPDATE release_transitions SET action = 'teleport'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match=r"cannot read: action 'teleport'"):
        store.history("m")


_OLD_TABLE = """
CREATE TABLE release_transitions (
    model TEXT NOT NULL, revision INTEGER NOT NULL, action TEXT NOT NULL,
    version INTEGER NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,
    evidence TEXT NOT NULL, PRIMARY KEY (model, revision)
)"""


def test_transitions_of_the_first_version_of_the_platform_stay_readable(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "release.db")
    connection.execute(_OLD_TABLE)
    old = "('m', {0}, 'promote_direct', {0}, '2026-01-01T00:00:00Z', 'run 1', 'certified', '{{}}')"
    for revision in (1, 2):
        connection.execute(f"INSERT INTO release_transitions VALUES {old.format(revision)}")
    connection.commit()
    store = SqlReleaseStore(f"sqlite:///{tmp_path}/release.db")
    assert (store.state("m").champion, store.state("m").last_good) == (2, (1,))
    assert store.states() == {"m": store.state("m")}
    after = store.append(transition("m", 3, 3, Action.OPEN), expected_revision=2)
    assert store.states() == {"m": after}

    # An old process that writes once more keeps no state: it is replayed.
    fields = "model, revision, action, version, at, who, why, evidence"
    row = old.format(4).replace("'promote_direct', 4", "'promote_direct', 7")
    connection.execute(f"INSERT INTO release_transitions ({fields}) VALUES {row}")
    connection.commit()
    connection.close()
    assert (store.state("m").champion, store.state("m").candidate) == (7, None)
    assert store.states() == {"m": store.state("m")}


def test_a_state_kept_by_another_version_of_the_platform_is_replayed(tmp_path: Path) -> None:
    store = SqlReleaseStore(f"sqlite:///{tmp_path}/release.db")
    state = store.append(promotion("m", 1, 1), expected_revision=0)
    connection = sqlite3.connect(tmp_path / "release.db")
    connection.execute("""UPDATE release_states SET state = '{"model": "m", "news": 1}'""")
    connection.commit()
    connection.close()
    assert store.state("m") == state
    assert store.states() == {"m": state}
