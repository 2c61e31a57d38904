"""A calibration as a document, and as a page with the distributions it rests on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape

import numpy as np

from ml_platform.evaluation.spread import FEWEST, difference_reach, differences, spread
from ml_platform.evaluation.spread_svg import histogram_svg
from ml_platform.gates.calibration import BatchTiming, Fit, Kind
from ml_platform.gates.proposals import LeftOut, Proposal
from ml_platform.plugins import Strict

CONFIDENCE = 0.95

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       color: #1c2733; background: #fff }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #dde3ea; text-align: left;
         vertical-align: top }
figure { display: inline-block; margin: 0 1.5rem 1rem 0 }
figcaption { color: #51606f; font-size: .9em }
.wide { overflow-x: auto }
pre { background: #f4f6f8; padding: 1rem; overflow-x: auto }
"""


class Calibration(Strict):
    """What a calibration measured and proposes.

    snapshot: such as `flight_delays/validated_data@3`.
    planned: fits that were to be made; `stopped` says why there are fewer, "" where not.
    seed_matters: whether another seed alone gave another model; None where it was not seen.
    margin: part of the noise floor that is added to it.
    timings: of every model, by batch size.
    """

    model: str
    snapshot: str
    training_rows: int
    holdout_rows: int
    seeds: int
    margin: float
    budget_seconds: float
    seconds: float
    planned: int
    stopped: str
    seed_matters: bool | None
    fits: tuple[Fit, ...]
    timings: dict[int, tuple[BatchTiming, ...]]
    proposals: tuple[Proposal, ...]
    left_out: tuple[LeftOut, ...]

    def values(self, metric: str, *, kind: Kind) -> tuple[float, ...]:
        """A metric of every fit of a kind in which it was measurable."""
        found = (fit.metrics[metric] for fit in self.fits if fit.kind == kind)
        return tuple(value for value in found if value is not None)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The keys that every fit was measured by."""
        return tuple(self.fits[0].metrics)

    @property
    def made(self) -> str:
        """How many fits were made of which kind, for people."""
        resampled = sum(fit.kind == "resampled" for fit in self.fits)
        text = (
            f"{len(self.fits)} of {self.planned} fits in {self.seconds:.1f} s: {resampled} on "
            f"resampled rows, {len(self.fits) - resampled} on all training rows"
        )
        return f"{text}; {self.stopped}" if self.stopped else text


def spread_rows(calibration: Calibration) -> list[tuple[str, ...]]:
    """One row a metric: mean of all rows, spread by seed, spread of retraining, reach."""
    rows: list[tuple[str, ...]] = []
    for metric in calibration.metrics:
        whole = np.array(calibration.values(metric, kind="whole"))
        resampled = np.array(calibration.values(metric, kind="resampled"))
        reach = "-"
        if len(resampled) >= FEWEST:
            reach = f"{difference_reach(resampled, confidence=CONFIDENCE):.3g}"
        rows.append(
            (
                metric,
                f"{whole.mean():.4g}" if len(whole) else "-",
                f"{spread(whole):.3g}" if len(whole) > 1 else "-",
                f"{spread(resampled):.3g}" if len(resampled) > 1 else "not measurable",
                reach,
            )
        )
    return rows


SPREAD_HEAD = ("metric", "mean", "spread by seed", "spread of retraining", "equal models differ by")


def proposal_rows(calibration: Calibration) -> list[tuple[str, ...]]:
    """One row a proposal."""
    return [
        (each.check, each.field, f"{each.declared:g}", f"{each.noise:.3g}", each.proposed,
         each.direction)
        for each in calibration.proposals
    ]  # fmt: skip


PROPOSAL_HEAD = ("gate", "field", "declared", "noise floor", "proposed", "becomes")


def calibration_html(calibration: Calibration, *, when: datetime, diff: str) -> str:
    """Return one page that needs nothing beside it."""
    title = f"{escape(calibration.model)}: calibration"
    facts = {
        "Calibrated": when.isoformat(timespec="seconds"),
        "Data": f"{calibration.snapshot}: {calibration.training_rows:,} training rows, "
        f"{calibration.holdout_rows:,} rows of holdout",
        "Fits": calibration.made,
        "Seed": _told_seed(calibration),
        "Rule": f"noise floor + {calibration.margin:.0%} of it",
    }
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{title}</h1>",
        _table((), facts.items()),
        "<h2>Proposals</h2>",
        *_proposals(calibration, diff),
        "<h2>Spread of the metrics</h2>",
        _table(SPREAD_HEAD, spread_rows(calibration)),
        *_metric_figures(calibration),
        *_latency(calibration),
        "</body></html>",
    ]
    return "\n".join(parts)


def _told_seed(calibration: Calibration) -> str:
    return {
        None: "not seen: the budget left no two fits on all rows",
        True: "another seed gives another model",
        False: "another seed gives the same model; what is left is the training rows",
    }[calibration.seed_matters]


def _proposals(calibration: Calibration, diff: str) -> Iterator[str]:
    if calibration.proposals:
        basis = [(*row, each.basis) for row, each in zip(
            proposal_rows(calibration), calibration.proposals, strict=True
        )]  # fmt: skip
        yield _table((*PROPOSAL_HEAD, "because"), basis)
    yield f"<pre>{escape(diff)}</pre>" if diff else "<p>No number of the declaration changes.</p>"
    if calibration.left_out:
        yield "<h2>Gates that are not calibrated</h2>"
        yield _table(("gate", "why"), ((each.check, each.reason) for each in calibration.left_out))


def _metric_figures(calibration: Calibration) -> Iterator[str]:
    for metric in calibration.metrics:
        whole = calibration.values(metric, kind="whole")
        resampled = calibration.values(metric, kind="resampled")
        if not resampled:
            continue
        yield f"<h3>{escape(metric)}</h3>"
        series = {"resampled rows": resampled, "all rows": whole}
        yield _figure(f"{metric} of {len(resampled) + len(whole)} fits", series)
        if len(resampled) >= FEWEST:
            pairs = differences(np.array(resampled)).tolist()
            reach = difference_reach(np.array(resampled), confidence=CONFIDENCE)
            caption = f"difference of {len(pairs)} pairs of equal models; {CONFIDENCE:.0%} reach"
            yield _figure(f"{caption} {reach:.3g}", {"pairs": pairs}, mark=reach)


def _latency(calibration: Calibration) -> Iterator[str]:
    if not calibration.timings:
        return
    yield "<h2>Latency of the predictor</h2>"
    for batch, timings in calibration.timings.items():
        p50, p95 = [each.p50_ms for each in timings], [each.p95_ms for each in timings]
        yield _figure(f"ms a call with batches of {batch}", {"median": p50, "p95": p95})
        ratios = [each.ratio for each in timings if each.ratio is not None]
        yield _figure(f"the same, by the model before it ({batch})", {"ratio": ratios}, mark=1.0)


def _figure(
    caption: str, series: Mapping[str, Sequence[float]], *, mark: float | None = None
) -> str:
    picture = histogram_svg({name: values for name, values in series.items() if values}, mark=mark)
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table>{f"<tr>{titles}</tr>" if titles else ""}{body}</table></div>'
