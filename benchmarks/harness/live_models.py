"""A home with versions of a small model in its Bento store: two good ones, and bad candidates."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.features.spec import FeatureSpec
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, ReleaseState, Transition
from ml_platform.release.store import ReleaseStore
from ml_platform.serving.build import build_bento
from ml_platform.settings import Settings
from ml_platform.spec.serving import ServingSpec
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS

MODEL = "flights"
GOOD, BETTER, RAISES, HANGS, NAN, LEAKS = 1, 2, 3, 4, 5, 6

_CONTRACT = {
    "version": 1,
    "columns": {
        "flight_id": {"dtype": "int64", "unique": True},
        "carrier": {"dtype": "category", "allowed": ["UA", "AA", "B6"]},
        "distance": {"dtype": "int64", "min": 17, "max": 5000},
        "dep_delay": {"dtype": "float64", "nullable": True},
        "late": {"dtype": "int64", "allowed": [0, 1]},
    },
}
_PASSES = "def build(frame):\n    return frame\n"
_WHEN_ASKED = "def build(frame):\n    if (frame['dep_delay'] == 3.5).any():\n"
"""A delay that the clients send, and that neither training nor proof has."""

_SERVED = {
    RAISES: f"{_WHEN_ASKED}        raise KeyError('runway')\n    return frame\n",
    HANGS: f"import time\n\n{_WHEN_ASKED}        time.sleep(3600)\n    return frame\n",
    LEAKS: f"kept = []\n\n{_WHEN_ASKED}        kept.append(bytearray(b'x' * 8_000_000))\n"
    "    return frame\n",
}


def home_with_versions(home: Path, versions: tuple[int, ...], *, records: int = 400) -> Settings:
    """Build the Bentos of the versions asked for; the first one is champion already."""
    settings = Settings.from_environment({"ML_PLATFORM_HOME": str(home)})
    frame = _rows(records)
    for version in versions:
        _build(home, settings, frame, version)
    return settings


def plan(percent: float = 100.0) -> Plan:
    """A canary of that percent, held where it is by wanting more than anybody has."""
    return Plan(steps=(Step(stage=Stage.CANARY, percent=percent, min_predictions=10**9),))


def move(
    store: ReleaseStore, action: Action, version: int, plan: Plan | None = None
) -> ReleaseState:
    """Append a transition to what the store has."""
    revision = store.revision(MODEL)
    transition = Transition(
        model=MODEL,
        revision=revision + 1,
        action=action,
        version=version,
        at=datetime.now(UTC),
        who="chaos",
        why="to see what happens",
        plan=plan,
    )
    return store.append(transition, expected_revision=revision)


def _rows(count: int) -> pd.DataFrame:
    random = np.random.default_rng(7)
    delay = random.normal(10, 30, count)
    return pd.DataFrame(
        {
            "carrier": random.choice(["UA", "AA", "B6"], count),
            "distance": random.integers(50, 3000, count),
            "dep_delay": delay,
            "late": (delay + random.normal(0, 10, count) > 15).astype(int),
        }
    )


def _build(home: Path, settings: Settings, frame: pd.DataFrame, version: int) -> None:
    declared = home / "declared" / str(version)
    declared.mkdir(parents=True)
    (declared / "features.py").write_text(_PASSES)
    trained = train(
        frame,
        target="late",
        task=Task.BINARY,
        features=FeatureSpec(
            numeric=("distance", "dep_delay"),
            categorical=("carrier",),
            transform="features:build" if version in _SERVED else None,
        ),
        trainer=TRAINERS.parse(_trainer(version)),
        folder=declared,
    )
    if version == NAN:
        _overflow(trained)
    (declared / "features.py").write_text(_SERVED.get(version, _PASSES))
    folder = home / "saved" / str(version)
    trained.save(folder, folder_of_declaration=declared)
    build_bento(
        model_folder=folder,
        name=MODEL,
        version=version,
        contract=_CONTRACT,
        release={"owner": "ops@example.com"},
        bentos=settings.bentos,
        serving=ServingSpec(candidate_timeout_ms=100),
        key="flight_id",
    )


def _trainer(version: int) -> dict[str, Any]:
    if version == NAN:
        estimator = "sklearn.linear_model.LogisticRegression"
        return {
            "type": "sklearn",
            "estimator": estimator,
            "params": {"max_iter": 10_000},
            "scale": False,
        }
    return {"type": "xgboost", "rounds": 40 + version, "seed": version}


def _overflow(model: Model) -> None:
    """Weights whose terms are infinite with both signs: their sum is no number."""
    weights: Any = model.estimator
    weights.pipeline[-1].coef_[0, :2] = (1e306, -1e308)
