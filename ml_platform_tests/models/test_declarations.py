"""Every model that the project declares, shipped or for tests: valid, and true to its data."""

from datetime import datetime
from pathlib import Path

import pytest

from ml_platform.data.validation import validate
from ml_platform.spec.load import Declaration, load_declaration

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [*ROOT.glob("ml_platform/defs/*/defs.yaml"), *ROOT.glob("ml_platform_tests/models/*/defs.yaml")]
)


@pytest.fixture(scope="module", params=FILES, ids=lambda file: file.parent.name)
def declaration(request: pytest.FixtureRequest) -> Declaration:
    return load_declaration(request.param)


def test_folder_bears_the_name_of_the_model(declaration: Declaration) -> None:
    assert declaration.folder.name == declaration.spec.name


def test_data_keep_their_contract_and_split(declaration: Declaration) -> None:
    spec = declaration.spec
    rows = spec.data.source.read(folder=declaration.folder)
    validation = validate(
        rows,
        spec.data.contract,
        event_time=spec.data.event_time,
        folder=declaration.folder,
        now=datetime(2026, 1, 1),
    )
    assert not validation.violations
    assert len(validation.valid) == len(rows)
    split = spec.split.split(
        validation.valid, target=spec.data.target, event_time=spec.data.event_time
    )
    assert len(split.train) > 2 * len(split.holdout)
