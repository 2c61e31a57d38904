"""An evaluation as one page that needs nothing beside it."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from ml_platform.evaluation.report import Evaluation, MetricValue, SliceValue

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       color: #1c2733; background: #fff }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #dde3ea; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto }
.missing { color: #8a5a00 }
figure { display: inline-block; margin: 0 1rem 1rem 0 }
img { max-width: 100% }
"""


@dataclass(frozen=True)
class JudgedGate:
    """What a gate said; `verdict` is also "waived", `waiver` says by whom, until when and why."""

    check: str
    verdict: str
    reason: str
    waiver: str = ""


def evaluation_html(
    evaluation: Evaluation,
    *,
    model: str,
    when: datetime,
    version: str | None = None,
    facts: Mapping[str, str] | None = None,
    pictures: Mapping[str, bytes] | None = None,
    gates: Sequence[JudgedGate] = (),
) -> str:
    """Write the page.

    facts: more lines for the head, such as the snapshot and the run.
    pictures: PNG by name, see `evaluation.curves`.
    gates: the verdicts on it, and what is waived.
    """
    title = f"{model} {version}" if version else model
    head = {
        "Judged": when.isoformat(timespec="seconds"),
        "Task": evaluation.task.value,
        "Holdout rows": f"{evaluation.rows:,}",
        **_target_facts(evaluation),
        "Intervals": _intervals(evaluation),
        **(facts or {}),
    }
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}: evaluation</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}: evaluation</h1>",
        _table([], ([name, value] for name, value in head.items())),
        "<h2>Metrics</h2>",
        _table(
            ["metric", "value", "interval", "rows"], map(_metric_row, evaluation.metrics.values())
        ),
        *_pictures(pictures or {}),
        *_slices(evaluation.slices),
        *_gates(gates),
        "</body></html>",
    ]
    return "\n".join(parts)


def _target_facts(evaluation: Evaluation) -> dict[str, str]:
    facts: dict[str, str] = {}
    if evaluation.class_rows:
        facts["Rows by class"] = ", ".join(
            f"{name}: {count:,}" for name, count in evaluation.class_rows.items()
        )
    if evaluation.base_rate is not None:
        facts["Base rate"] = f"{evaluation.base_rate:.4g}"
    if evaluation.target_mean is not None and evaluation.score_mean is not None:
        facts["Mean target, mean score"] = (
            f"{evaluation.target_mean:.4g}, {evaluation.score_mean:.4g}"
        )
    return facts


def _intervals(evaluation: Evaluation) -> str:
    if not evaluation.rounds:
        return "none"
    return (
        f"{evaluation.confidence:.0%} percentile bootstrap, {evaluation.rounds:,} rounds, "
        f"seed {evaluation.seed}"
    )


def _metric_row(metric: MetricValue) -> list[str]:
    value = "" if metric.value is None else f"{metric.value:.4g}"
    interval = "" if metric.interval is None else "{:.4g} to {:.4g}".format(*metric.interval)
    if metric.value is None:
        interval = f"not measurable: {metric.reason}"
    return [metric.key, value, interval, f"{metric.rows:,}"]


def _slices(slices: Sequence[SliceValue]) -> Iterable[str]:
    columns = dict.fromkeys((part.column, part.sensitive) for part in slices)
    for column, sensitive in columns:
        parts = [part for part in slices if part.column == column]
        keys = list(parts[0].metrics)
        yield f"<h2>By {escape(column)}{' (sensitive)' if sensitive else ''}</h2>"
        rows = (
            [part.value, f"{part.rows:,}", *(part.metrics[key].text for key in keys)]
            for part in parts
        )
        yield f'<div class="wide">{_table([column, "rows", *keys], rows)}</div>'


def _gates(gates: Sequence[JudgedGate]) -> Iterable[str]:
    if not gates:
        return
    waived = any(gate.waiver for gate in gates)
    rows = (
        [gate.check, gate.verdict, gate.reason, *([gate.waiver] if waived else [])]
        for gate in gates
    )
    head = ["gate", "verdict", "reason", *(["waiver"] if waived else [])]
    yield f'<h2>Gates</h2>\n<div class="wide">{_table(head, rows)}</div>'


def _pictures(pictures: Mapping[str, bytes]) -> Iterable[str]:
    if pictures:
        yield "<h2>Curves</h2>"
    for name, content in pictures.items():
        source = base64.b64encode(content).decode()
        words = escape(name.replace("_", " "))
        yield f'<figure><img alt="{words}" src="data:image/png;base64,{source}"></figure>'


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}\n{body}\n</table>"


def _cell(text: str) -> str:
    if text.startswith("not measurable"):
        return f'<td class="missing">{escape(text)}</td>'
    number = text.replace(",", "").replace(".", "", 1).lstrip("-").isdecimal()
    return f'<td class="number">{escape(text)}</td>' if number else f"<td>{escape(text)}</td>"
