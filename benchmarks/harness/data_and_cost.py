"""Tables of verdicts for the gates on data, training and cost, and for bounds of one metric."""

from collections.abc import Iterator

from harness.data_truths import calls, labels, one_feature, shift_of, snapshots
from harness.drifts import COLUMNS, judged
from harness.lines import HEAD, Table, line, line_of
from harness.truths import models_apart

from ml_platform.drift.population_stability import PopulationStability
from ml_platform.evaluation.evaluate import measure_all
from ml_platform.evaluation.spec import EvaluationSpec, metric_of_key
from ml_platform.gates.contract_drift import ContractDrift
from ml_platform.gates.label_drift import LabelDrift
from ml_platform.gates.latency import Latency
from ml_platform.gates.leakage import Leakage
from ml_platform.gates.minimum_metric import MinimumMetric


def contract_drift(seconds: float) -> Iterator[list[str]]:
    """Snapshots of 20 columns, half of them numbers, one of which moved or none."""
    gate, test = ContractDrift(), PopulationStability()
    for rows in (200, 1_000, 10_000, 100_000):
        for kind, moved in (("", 0.0), ("number", 0.1), ("number", 0.25), ("category", 0.25)):
            yield line(
                gate,
                lambda seed, r=rows, k=kind, m=moved: snapshots(
                    r, seed, columns=COLUMNS, moved=m, kind=k
                ),
                [f"{rows:,}", "rows", _moved(kind, moved)],
                seconds=seconds if moved else 5 * seconds,
            )
    for rows in (1_000, 100_000, 1_000_000, 10_000_000):
        for moved in (0.0, 0.1, 0.25):
            yield line_of(
                lambda seed, r=rows, m=moved: judged(test, r, seed, shift_of(m)),
                [f"{rows:,}", "counts", _moved("number", moved)],
                seconds=seconds if moved else 5 * seconds,
            )


def _moved(kind: str, moved: float) -> str:
    return "none moved" if not moved else f"one {kind} moved by PSI {moved:g}"


def label_drift(seconds: float, *, before: float, moved: float) -> Iterator[list[str]]:
    """The share of positives: as it was, or moved by a PSI of 0.26."""
    for rows in (200, 1_000, 10_000, 100_000, 1_000_000):
        still, other = f"{before:.0%} still", f"{before:.0%} to {moved:.1%} (PSI 0.26)"
        for now, told in ((before, still), (moved, other)):
            yield line(
                LabelDrift(),
                lambda seed, r=rows, n=now: labels(r, seed, before=before, now=n),
                [f"{rows:,}", told.replace("%", " %")],
                seconds=seconds,
            )


def leakage(seconds: float, *, base: float, sizes: tuple[int, ...]) -> Iterator[list[str]]:
    """One feature that alone reaches an AUC, the bound being 0.98; rows that repeat."""
    for rows in sizes:
        for area, repeated in ((0.95, 0.0), (0.975, 0.0), (0.99, 0.0), (0.8, 0.005), (0.8, 0.03)):
            told = f"one feature of AUC {area:g}, {repeated:.1%} of rows repeated"
            yield line(
                Leakage(),
                lambda seed, r=rows, a=area, p=repeated: one_feature(
                    r, seed, area=a, repeated=p, base=base
                ),
                [f"{rows // 5:,}", told],
                seconds=seconds,
            )


def latency(seconds: float) -> Iterator[list[str]]:
    """Calls that work for a known time, champion and candidate; 20 % more is allowed."""
    gate = Latency(max_increase=0.2, batches=(1,), seconds=0.15)
    for micro in (50, 500, 2_000):
        for slower in (1.0, 1.1, 1.2, 1.3, 1.5):
            yield line(
                gate,
                lambda _, m=micro, s=slower: calls(m * 1e-6, slower=s),
                [f"{micro:,}", f"{slower - 1:.0%} slower"],
                seconds=2 * seconds,
            )


def minimum_metric(seconds: float) -> Iterator[list[str]]:
    """`minimum_metric` of the AUC, floor 0.70, on the value and on the interval's lower end."""
    metric = metric_of_key("roc_auc")
    for on, base, sizes in (
        ("value", 0.2, (200, 1_000, 5_000, 100_000, 1_000_000)),
        ("value", 0.05, (1_000, 5_000, 100_000)),
        ("lower_bound", 0.2, (200, 1_000, 5_000, 20_000)),
        ("lower_bound", 0.05, (1_000, 5_000, 20_000)),
    ):
        gate = MinimumMetric(metric="roc_auc", floor=0.70, on=on)
        spec = EvaluationSpec(bootstrap=0 if on == "value" else 200)
        for rows in sizes:
            for area in (0.66, 0.70, 0.74):

                def truth(
                    seed: int,
                    r: int = rows,
                    a: float = area,
                    b: float = base,
                    s: EvaluationSpec = spec,
                ):
                    found = models_apart(r, seed, area=a, base=b)
                    metrics = measure_all([metric], found.target, found.scores, spec=s, seed=seed)
                    evaluation = found.evaluation.model_copy(update={"metrics": metrics})
                    return type(found)(evaluation=evaluation)

                labels = [on, f"{base:.0%}", f"{rows:,}", f"{area:.2f}"]
                yield line(gate, truth, labels, seconds=seconds / 2)


def tables(seconds: float) -> list[Table]:
    """Every table: its title, the labels of its lines, and its lines."""
    return [
        (
            "`minimum_metric`: roc_auc, floor 0.70",
            ["on", "positives", "rows", "truth", *HEAD],
            minimum_metric(seconds),
        ),
        (
            f"`contract_drift`: {COLUMNS} columns, PSI, threshold 0.2",
            ["rows each", "drawn", "truth", *HEAD],
            contract_drift(seconds),
        ),
        (
            "`label_drift`: PSI, threshold 0.2",
            ["rows each", "positives", *HEAD],
            label_drift(seconds, before=0.2, moved=0.433),
        ),
        (
            "`label_drift` from 5 % positives: PSI, threshold 0.2",
            ["rows each", "positives", *HEAD],
            label_drift(seconds / 2, before=0.05, moved=0.21),
        ),
        (
            "`leakage`: bound 0.98 for one feature, 1 % for repeated rows, 20 % positives",
            ["holdout rows", "truth", *HEAD],
            leakage(seconds, base=0.2, sizes=(1_000, 5_000, 50_000, 500_000)),
        ),
        (
            "`leakage`: the same with 5 % positives",
            ["holdout rows", "truth", *HEAD],
            leakage(seconds / 2, base=0.05, sizes=(1_000, 5_000, 50_000)),
        ),
        (
            "`latency`: 20 % more than the champion is allowed, 0.15 s of measuring",
            ["microseconds a call", "truth", *HEAD],
            latency(seconds),
        ),
    ]
