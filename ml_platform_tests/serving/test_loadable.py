"""Whether there is a way back from a champion."""

from pathlib import Path

from ml_platform.release.state import Action, ReleaseState, replay
from ml_platform.serving.loadable import WayBack, way_back
from ml_platform.testing.releases import transition
from ml_platform_tests.serving.small_bento import small_bento


def champions(*versions: int) -> ReleaseState:
    way = [transition("m", number, version) for number, version in enumerate(versions, 1)]
    return replay("m", way)


def test_first_champion_has_no_way_back_to_be_verified(tmp_path: Path) -> None:
    assert way_back(tmp_path, champions(1)) is None


def test_retired_champion_whose_files_are_whole_can_be_put_back(tmp_path: Path) -> None:
    small_bento(tmp_path, "m", 1)
    found = way_back(tmp_path, champions(1, 2))
    assert found == WayBack(1, None)
    assert found.text == "version 1 can be put back: its files are whole"


def test_retired_champion_with_an_altered_file_cannot(tmp_path: Path) -> None:
    model = small_bento(tmp_path, "m", 1)
    (model / "trees").write_bytes(b"other")
    found = way_back(tmp_path, champions(1, 2))
    assert found is not None
    assert found.text == f"version 1 cannot be put back: {model / 'trees'} was altered"


def test_after_a_rollback_it_is_the_champion_before_that_counts(tmp_path: Path) -> None:
    back = transition("m", 4, 2, Action.ROLLBACK)
    state = replay("m", [*(transition("m", n, n) for n in (1, 2, 3)), back])
    found = way_back(tmp_path, state)
    assert found is not None
    assert (found.version, found.problem) == (1, f"there is no Bento m:1 in {tmp_path}")
