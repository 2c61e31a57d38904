"""A home whose Bento store has four equal versions of a small model, two of them bad."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_platform.features.spec import FeatureSpec
from ml_platform.serving.build import build_bento
from ml_platform.settings import Settings
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.trainers.trainer import TRAINERS
from ml_platform_tests.postgres import postgres_url

__all__ = ["postgres_url"]

NAME = "flights"
RAISES, HANGS = 3, 4
CONTRACT = {
    "version": 1,
    "columns": {
        "flight_id": {"dtype": "int64"},
        "carrier": {"dtype": "category", "allowed": ["UA", "AA"]},
        "distance": {"dtype": "float64", "min": 0},
        "late": {"dtype": "int64", "allowed": [0, 1]},
    },
}
GOOD_CODE = "def build(frame):\n    return frame\n"
BAD_CODE = (
    "import re\n"
    "def build(frame):\n    if frame['distance'].max() > 1000:\n        return {bad}\n"
    "    return frame\n"
)
BAD = {RAISES: "1 / 0", HANGS: "re.match(r'(a+)+$', 'a' * 60 + 'b')"}
"""What goes wrong with a long flight; the expression never gives Python's global lock back."""


@pytest.fixture(scope="session")
def live_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("live")
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "carrier": random.choice(["UA", "AA"], 200),
            "distance": random.uniform(0, 900, 200),
            "late": random.integers(0, 2, 200),
        }
    )
    for version in (1, 2, *BAD):
        declared = home / f"declared-{version}"
        declared.mkdir()
        (declared / "features.py").write_text(GOOD_CODE)
        model = train(
            frame,
            target="late",
            task=Task.BINARY,
            features=FeatureSpec(
                numeric=("distance",),
                categorical=("carrier",),
                transform="features:build" if version in BAD else None,
            ),
            trainer=TRAINERS.parse({"type": "xgboost", "rounds": 5}),
            folder=declared,
        )
        if version in BAD:
            (declared / "features.py").write_text(BAD_CODE.format(bad=BAD[version]))
        model.save(home / f"model-{version}", folder_of_declaration=declared)
        build_bento(
            model_folder=home / f"model-{version}",
            name=NAME,
            version=version,
            contract=CONTRACT,
            release={"owner": "ops@example.com"},
            bentos=home / "bentoml",
            key="flight_id",
        )
    return home


@pytest.fixture
def settings(live_home: Path, tmp_path: Path) -> Settings:
    """A release store of its own for each test, beside the same Bentos."""
    (tmp_path / "bentoml").symlink_to(live_home / "bentoml")
    return Settings.from_environment({"ML_PLATFORM_HOME": str(tmp_path)})
