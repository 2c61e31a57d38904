from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.evaluation.baseline import Baseline, read_baseline, write_baseline
from ml_platform.exceptions import DeclarationError

ACCEPTED = Baseline(
    version=3,
    metrics={"roc_auc": 0.1 + 0.2},
    by="Ada",
    reason="faster",
    accepted_at=datetime(2026, 1, 2, tzinfo=UTC),
)


def test_a_baseline_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    assert read_baseline(tmp_path) is None
    file = write_baseline(tmp_path, ACCEPTED)
    assert read_baseline(tmp_path) == ACCEPTED
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("text", ["", "{", '{"version": 0}', "[]"])
def test_a_damaged_baseline_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "baseline.json").write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"baseline\.json:1: .*baseline --accept"):
        read_baseline(tmp_path)
