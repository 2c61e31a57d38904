"""Train equal models, measure how far apart they come out, and propose what gates tolerate.

Two kinds of fits, each with a seed of its own: on rows drawn with replacement from the training
rows (a bootstrap fold; Efron and Tibshirani, An Introduction to the Bootstrap, 1993), whose spread
is that of retraining; and on all training rows, whose spread is that of the seed alone and whose
mean is what the model is worth. Where the first two of the latter are the same model, no more
of them are made.
"""

import time

from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import frozen, without
from ml_platform.component.steps.equal_models import Bench, Budget, Clock, Tell, plan
from ml_platform.component.steps.train import split_rows
from ml_platform.data.snapshots import Snapshot
from ml_platform.exceptions import SnapshotNotFound
from ml_platform.gates.calibration_report import Calibration
from ml_platform.gates.proposals import propose
from ml_platform.spec.load import Declaration


def calibrate_model(
    declaration: Declaration,
    platform: Platform,
    *,
    seeds: int,
    budget: float,
    margin: float,
    clock: Clock = time.monotonic,
    tell: Tell = lambda _: None,
) -> Calibration:
    """Calibrate the declared gates on the latest validated snapshot.

    seeds: fits of each kind at most.
    budget: seconds; no fit is begun that would likely end after them.
    margin: part of the noise floor that is added to it.

    Raises SnapshotNotFound where no data were validated yet, CalibrationError where the budget
    is too small for 3 fits.
    """
    began = clock()
    spec = declaration.spec
    snapshot = _latest(declaration, platform)
    rows = platform.snapshots.read(snapshot.table, version=snapshot.version)
    split = split_rows(declaration, rows)
    kept_out = frozen(declaration, platform).values()
    training = without(rows.iloc[split.train], platform, kept_out, key=spec.data.id)
    training = training.reset_index(drop=True)
    holdout = rows.iloc[split.holdout].reset_index(drop=True)
    bench = Bench(declaration, training, holdout)
    planned = plan(seeds, seed=spec.training.seed)
    stopped = bench.run(planned, Budget(budget, clock, began), tell)
    evidence = bench.evidence(confidence=spec.evaluation.confidence, seed=spec.training.seed)
    proposals, left_out = propose(spec.gates, evidence, margin=margin)
    return Calibration(
        model=spec.name,
        snapshot=f"{snapshot.table}@{snapshot.version}",
        training_rows=len(training),
        holdout_rows=len(holdout),
        seeds=seeds,
        margin=margin,
        budget_seconds=budget,
        seconds=clock() - began,
        planned=len(planned),
        stopped=stopped,
        seed_matters=bench.seed_matters,
        fits=tuple(bench.fits),
        timings={batch: tuple(each) for batch, each in bench.timings.items()},
        proposals=tuple(proposals),
        left_out=tuple(left_out),
    )


def _latest(declaration: Declaration, platform: Platform) -> Snapshot:
    name = declaration.spec.name
    snapshot = platform.snapshots.latest(f"{name}/validated_data")
    if snapshot is None:
        raise SnapshotNotFound(
            f"{name} has no validated data yet, so there is nothing to calibrate on; run "
            f"`ml-platform train {name}` first (a gate may block it, the data stay)"
        )
    return snapshot
