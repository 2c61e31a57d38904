import logging
from hashlib import sha256
from pathlib import Path

import pytest

from ml_platform.exceptions import ServingError
from ml_platform.serving.http.keys import ApiKeys, new_key, read, revoke


class Hand:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_key_is_known_and_only_its_hash_is_kept(file: Path):
    key = new_key(file, "shop")

    assert ApiKeys(file).know(key.encode())
    assert key not in file.read_text()
    assert file.read_text() == f"{sha256(key.encode()).hexdigest()} shop\n"
    assert file.stat().st_mode & 0o077 == 0


def test_wrong_or_missing_key_is_not_known(file: Path):
    key = new_key(file, "shop").encode()
    keys = ApiKeys(file)

    assert not any(keys.know(wrong) for wrong in (None, b"", key[:-1], key + b"x", b"\xff"))


def test_several_keys_are_known_and_a_revoked_one_is_not(file: Path):
    clock = Hand()
    one, two = new_key(file, "one").encode(), new_key(file, "two").encode()
    keys = ApiKeys(file, clock=clock)
    assert keys.know(one)
    assert keys.know(two)

    revoke(file, "one")
    assert keys.know(one), "the file is looked at once a second"
    clock.now = 1.0

    assert not keys.know(one)
    assert keys.know(two)
    assert list(read(file)) == ["two"]


def test_key_made_while_the_service_runs_is_known_without_a_restart(file: Path):
    clock = Hand()
    new_key(file, "one")
    keys = ApiKeys(file, clock=clock)
    two = new_key(file, "two").encode()
    clock.now = 1.5

    assert keys.know(two)


def test_slip_of_the_editor_locks_nobody_out(file: Path, caplog: pytest.LogCaptureFixture):
    clock = Hand()
    key = new_key(file, "one")
    keys = ApiKeys(file, clock=clock)
    file.write_text(f"{key} one\n")
    clock.now = 2.0

    with caplog.at_level(logging.ERROR):
        assert keys.know(key.encode())

    assert f"{file}:1" in caplog.text
    assert key not in caplog.text, "a key that stands in the file by mistake is not logged"


def test_last_key_revoked_closes_the_service_rather_than_opening_it(file: Path):
    key = new_key(file, "one")
    revoke(file, "one")

    assert not ApiKeys(file).know(key.encode())


@pytest.mark.parametrize("line", ["abc one", "0" * 64, f"{'0' * 64} a b", f"{'G' * 64} one"])
def test_wrong_line_is_an_error_at_start(file: Path, line: str):
    file.write_text(f"# keys\n\n{line}\n")

    with pytest.raises(ServingError, match=r"keys:3: a line is the SHA-256"):
        ApiKeys(file)


def test_missing_file_is_an_error_at_start(file: Path):
    with pytest.raises(ServingError, match=f"there is no file of API keys {file}"):
        ApiKeys(file)


def test_file_that_is_none_is_an_error_at_start(tmp_path: Path):
    with pytest.raises(ServingError, match=r"cannot be read: .*Is a directory"):
        ApiKeys(tmp_path)


def test_name_is_used_once(file: Path):
    new_key(file, "one")
    with pytest.raises(ServingError, match="has a key one already"):
        new_key(file, "one")
    with pytest.raises(ServingError, match="is no name for a key"):
        new_key(file, "two words")
    with pytest.raises(ServingError, match=r"no key two \(it has: one\)"):
        revoke(file, "two")
