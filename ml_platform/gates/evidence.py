"""What the gates of each stage are given to judge.

All fields are named, so that a stage's evidence grows by fields with defaults while the gates
that do not need them stay as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.data.contract import Contract
from ml_platform.evaluation.baseline import Costs
from ml_platform.evaluation.metrics.metric import Metric
from ml_platform.evaluation.report import Evaluation
from ml_platform.task import Task

Record = dict[str, Any]


class FittedEstimator(Protocol):
    """What a gate asks of an estimator."""

    @property
    def losses(self) -> tuple[float, ...]:
        """Training loss by round, first to last; empty where the trainer reports none."""
        ...


class FittedModel(Protocol):
    """What a gate asks of a model; `training.model.Model` is one."""

    @property
    def task(self) -> Task:
        """What it predicts."""
        ...

    @property
    def classes(self) -> tuple[Any, ...]:
        """Names of the classes in their order, the positive one last; empty for regression."""
        ...

    @property
    def estimator(self) -> FittedEstimator:
        """What was fitted."""
        ...

    def encode_target(self, series: pd.Series) -> NDArray[np.generic]:
        """Encode targets by the model's classes. Raises TrainingError for what it cannot."""
        ...

    def scores(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Score rows; shapes as in `Task`."""
        ...

    def save(self, folder: Path, *, folder_of_declaration: Path) -> None:
        """Write the model to an empty folder."""
        ...


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: its status and its JSON body (text where it is not JSON)."""

    status: int
    body: Any


class Service(Protocol):
    """A running inference service. Both raise ServiceUnavailable when it does not answer."""

    def get(self, path: str) -> Reply:
        """Answer of GET."""
        ...

    def post(self, path: str, body: object) -> Reply:
        """Answer of POST with a JSON body."""
        ...


@dataclass(frozen=True, eq=False)
class Reference:
    """Rows to compare with, and what a reader calls them: `validated_data@3`."""

    name: str
    frame: pd.DataFrame


def _no_reference() -> Reference | None:
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class DataEvidence:
    """For gates on `validated_data`.

    frame: the rows that keep the contract, before they become a snapshot.
    previous: gives the last snapshot that is another one; None where this is the first.
    champion: gives what the version in production was trained on; None before the first release.
    id, event_time: columns of the row's id and time, where declared.
    folder: of the declaration, where functions are looked up.
    """

    frame: pd.DataFrame
    contract: Contract
    target: str
    previous: Callable[[], Reference | None] = _no_reference
    champion: Callable[[], Reference | None] = _no_reference
    id: str | None = None
    event_time: str | None = None
    seed: int = 0
    folder: Path = Path()


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingEvidence:
    """For gates on `trained_model`.

    frame: training rows, raw columns with the target; the model is fitted on them.
    fit: trains as declared on such a frame.
    holdout: the rows that the model will be judged by.
    features: gives the feature columns of raw rows, after the declared transform.
    id: column of the row's id, where declared.
    folder: of the declaration, where functions are looked up.
    """

    frame: pd.DataFrame
    target: str
    task: Task
    fit: Callable[[pd.DataFrame], FittedModel]
    seed: int = 0
    holdout: pd.DataFrame | None = None
    features: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    id: str | None = None
    folder: Path = Path()


@dataclass(frozen=True, kw_only=True, eq=False)
class Runtime:
    """A version as it runs in production.

    folder: the saved model.
    predict: the serving predictor itself, records in, answers out: one record by the code that
        answers one, which is not that of a batch.
    """

    version: int
    folder: Path
    predict: Callable[[list[Record]], object]


@dataclass(frozen=True, kw_only=True, eq=False)
class Runtimes:
    """The candidate, and what it is compared with.

    champion: the version in production; None before the first release.
    problem: why there is a champion that cannot run; "" where it can.
    records: of the holdout, as clients send them; good for both versions.
    """

    candidate: Runtime
    records: Sequence[Record]
    champion: Runtime | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class ChampionEvidence:
    """The version in production, on the candidate's holdout.

    version: its number.
    scores: of the holdout rows, shapes as in `Task`; None where it cannot score them.
    seen: (n,) True where it was trained on that row; None where that is not known.
    problem: why there are no scores.
    """

    version: int
    scores: NDArray[np.float64] | None = None
    seen: NDArray[np.bool_] | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchmarkRows:
    """The rows of a benchmark, as the candidate sees them.

    snapshot: `table@version`, and the hash of its content.
    target, scores: encoded (n,) and the candidate's own, shapes as in `Task`.
    seen: (n,) True where the candidate was trained on that row.
    champion: None before the first release.
    """

    name: str
    snapshot: str
    content_hash: str
    frame: pd.DataFrame
    target: NDArray[np.generic]
    scores: NDArray[np.float64]
    seen: NDArray[np.bool_]
    champion: ChampionEvidence | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluationEvidence:
    """For gates on `evaluation_report`.

    evaluation: of the candidate on the holdout.
    costs: of the version that a person accepted; a gate compares with them, where they are set,
        and not with the champion.

    What follows is filled where a declared gate `needs_rows`:
    holdout: its rows, raw columns.
    target, scores: encoded (n,) and the candidate's own, shapes as in `Task`.
    metrics: the declared metrics by key.
    champion: None before the first release.
    baseline: values by metric key that a person accepted; a gate compares with them, where
        they are set, and not with the champion.
    accepted: the same of slices, by metric key and name of the slice.
    threshold: from which score on a binary candidate decides for the positive class.
    runtimes: loads candidate and champion as they serve; called by the gates that measure cost.
    folder: of the declaration, where functions are looked up.
    benchmarks: every declared one by name, or why it cannot be judged.
    """

    evaluation: Evaluation
    costs: Costs = field(default_factory=Costs)
    holdout: pd.DataFrame | None = None
    target: NDArray[np.generic] | None = None
    scores: NDArray[np.float64] | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict[str, Metric])
    champion: ChampionEvidence | None = None
    baseline: Mapping[str, float] = field(default_factory=dict[str, float])
    threshold: float = 0.5
    seed: int = 0
    runtimes: Callable[[], Runtimes] | None = None
    folder: Path = Path()
    benchmarks: Mapping[str, BenchmarkRows | str] = field(
        default_factory=dict[str, "BenchmarkRows | str"]
    )
    accepted: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict[str, Mapping[str, float]]
    )


@dataclass(frozen=True, kw_only=True)
class ServiceEvidence:
    """For gates on `deployed_bento`.

    records: valid records of the holdout, as a client would send them.
    scores: the model's own scores of these records, shapes as in `Task`.
    classes: names of the classes in their order, the positive one last; empty for regression.
    version: the model version that should answer.
    threshold: from which score on a binary model decides for the positive class.
    url: where the service listens, such as `http://127.0.0.1:3000`; "" where it is not known.
    folder: of the declaration, where functions are looked up.
    """

    service: Service
    records: Sequence[Record]
    scores: NDArray[np.float64]
    task: Task
    version: str
    classes: Sequence[Any] = field(default=())
    threshold: float = 0.5
    url: str = ""
    folder: Path = Path()
