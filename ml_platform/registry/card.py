"""The model card of a version: what it is for, what it was judged by, where its limits lie."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_platform.data.page import Block, Cell, Link, Page, Section, Table, facts
from ml_platform.evaluation.report import Evaluation, MetricValue, SliceValue
from ml_platform.gates.result import GateRecord
from ml_platform.registry.certificate import Certificate
from ml_platform.registry.version import ModelVersion
from ml_platform.registry.waiver import waiver_of

_LISTED = 12
"""Weak slices, and slices without a value, that the limits name."""


@dataclass(frozen=True)
class CardEvidence:
    """What is known of a version; None where the stores do not hold it.

    declaration: as it was when the version was trained (`spec.recipe.DECLARATION`), JSON-ready.
    aliases: such as `champion`. run_url: its MLflow run.
    service: what the gates on the running service said when it was released.
    """

    version: ModelVersion
    declaration: Mapping[str, Any] | None
    certificate: Certificate | None
    evaluation: Evaluation | None
    aliases: tuple[str, ...]
    run_url: str
    service: tuple[GateRecord, ...] = ()


def model_card(evidence: CardEvidence, *, now: datetime) -> Page:
    """Put the card together; waivers are shown as they hold at `now`."""
    version, tags = evidence.version, evidence.version.tags
    sections = [
        Section("Intended use", [tags.get("intended_use") or "Not stated."]),
        Section("Limits", [tuple(_limits(evidence, now=now))]),
        Section("Training", [_training(evidence)]),
        *_measured(evidence.evaluation),
        _verdicts(evidence.certificate, now=now),
        _service(evidence.service),
        *_contract(evidence.declaration),
    ]
    head = facts(
        {
            "Version": str(version.version),
            "Stands as": ", ".join(evidence.aliases) or "registered, not released",
            "Owner": tags.get("owner"),
            "Task": tags.get("task"),
            "Predicts": _data(evidence.declaration).get("target"),
            "MLflow run": Link(version.run_id, evidence.run_url),
            "Card written": f"{now:%Y-%m-%d %H:%M %Z}",
        }
    )
    title = f"{version.name}, version {version.version}: model card"
    return Page(title, [tags.get("description", ""), head], sections)


def _data(declaration: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (declaration or {}).get("data", {})


def _training(evidence: CardEvidence) -> Table:
    tags, declaration = evidence.version.tags, evidence.declaration or {}
    certificate = evidence.certificate
    features = declaration.get("features", {})
    return facts(
        {
            "Data": tags.get("training_data"),
            "Rows": f"{certificate.snapshot.rows:,} with the holdout" if certificate else None,
            "Content hash": tags.get("training_data_hash"),
            "Contract version": tags.get("contract_version"),
            "Split": _settings(declaration.get("split")),
            "Trainer": _settings(declaration.get("training")),
            "Numeric features": ", ".join(features.get("numeric", ())),
            "Categorical features": ", ".join(features.get("categorical", ())),
            "Transform": features.get("transform"),
            "Git commit": tags.get("git_commit"),
            "Code": tags.get("code_version"),
            "Environment": tags.get("environment"),
            "Dagster run": tags.get("dagster_run_id"),
        }
    )


def _settings(section: Mapping[str, Any] | None) -> str:
    """`xgboost: rounds 200, params {...}`."""
    if not section:
        return ""
    rest = (f"{key} {value}" for key, value in section.items() if key != "type" and value != {})
    return f"{section.get('type')}: {', '.join(rest)}"


def _measured(evaluation: Evaluation | None) -> Iterator[Section]:
    if evaluation is None:
        yield Section("Metrics", ["Not evaluated."])
        return
    about = f"On a holdout of {evaluation.rows:,} rows that training has not seen."
    if evaluation.rounds:
        about += f" Intervals: {evaluation.confidence:.0%} bootstrap, {evaluation.rounds:,} rounds."
    rows = [_metric_row(metric) for metric in evaluation.metrics.values()]
    yield Section("Metrics", [about, Table(rows, ("metric", "value", "interval", "rows"))])
    plain = [part for part in evaluation.slices if not part.sensitive]
    sensitive = [part for part in evaluation.slices if part.sensitive]
    if plain:
        yield Section("Slices", list(_by_column(plain)))
    if sensitive:
        yield Section("Sensitive attributes", list(_by_column(sensitive)))


def _metric_row(metric: MetricValue) -> Sequence[Cell]:
    if metric.value is None:
        return metric.key, f"not measurable: {metric.reason}", "", f"{metric.rows:,}"
    interval = "" if metric.interval is None else "{:.4g} to {:.4g}".format(*metric.interval)
    return metric.key, f"{metric.value:.4g}", interval, f"{metric.rows:,}"


def _by_column(parts: Sequence[SliceValue]) -> Iterator[Table]:
    for column in dict.fromkeys(part.column for part in parts):
        own = [part for part in parts if part.column == column]
        keys = list(own[0].metrics)
        rows = [
            (part.value, f"{part.rows:,}", *(part.metrics[key].text for key in keys))
            for part in own
        ]
        yield Table(rows, (column, "rows", *keys))


def _verdicts(certificate: Certificate | None, *, now: datetime) -> Section:
    if certificate is None:
        return Section("Release certificate", ["None: this version may not be deployed."])
    blocking = certificate.blocking(now=now)
    word = "does not let" if blocking else "lets"
    blocks: list[Block] = [
        f"Issued {certificate.issued_at:%Y-%m-%d %H:%M %Z}; it {word} this version be deployed. "
        f"Digest: {certificate.digest}",
        _records(certificate.records),
    ]
    waivers = tuple(f"{each.check}: {told}" for each, told in certificate.told_waivers(now=now))
    return Section("Release certificate", [*blocks, *([waivers] if waivers else [])])


def _service(records: Sequence[GateRecord]) -> Section:
    if not records:
        return Section("Service gates", ["Not judged: they are when a version is released."])
    about = "On the running service, when the version was released."
    return Section("Service gates", [about, _records(records)])


def _records(records: Iterable[GateRecord]) -> Table:
    rows = [
        (
            record.check,
            record.result.verdict,
            _number(record.result.value),
            _number(record.result.bound),
            "" if record.result.rows is None else f"{record.result.rows:,}",
            record.result.reason,
        )
        for record in records
    ]
    return Table(rows, ("gate", "verdict", "value", "bound", "rows", "reason"))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _contract(declaration: Mapping[str, Any] | None) -> Iterator[Section]:
    contract = _data(declaration).get("contract")
    if not contract:
        return
    rows = [
        (name, str(column.get("dtype")), "; ".join(_rules(column)), column.get("description") or "")
        for name, column in contract["columns"].items()
    ]
    yield Section("Data contract", [Table(rows, ("column", "dtype", "rules", "description"))])


def _rules(column: Mapping[str, Any]) -> Iterator[str]:
    for rule, value in column.items():
        if rule in ("dtype", "description") or value is None or value is False or value == {}:
            continue
        if value is True:
            yield rule.replace("_", " ")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{rule.replace('_', ' ')} {shown}"


def _limits(evidence: CardEvidence, *, now: datetime) -> Iterator[str]:
    """What the evidence says against relying on the model; the card's reader adds the rest."""
    version = evidence.version.tags.get("contract_version", "?")
    yield f"It answers records that keep contract version {version}; others are refused."
    evaluation = evidence.evaluation
    if evaluation is None:
        yield "It has not been evaluated: how good it is, is not known."
    else:
        yield from _limits_of(evaluation)
    if evidence.certificate is None:
        yield "It has no intact release certificate."
        return
    certificate = evidence.certificate
    for record in certificate.records:
        if record.result.verdict != "passed":
            yield f"Gate {record.check} {record.result.verdict}: {record.result.reason}"
        waiver = waiver_of(record, certificate.waivers, now=now)
        if waiver is not None:
            yield f"Gate {record.check} is {waiver}"


def _limits_of(evaluation: Evaluation) -> Iterator[str]:
    for metric in evaluation.metrics.values():
        if metric.value is None:
            yield f"{metric.key} could not be measured: {metric.reason}."
    weak = [text for part in evaluation.slices for text in _weak(part, evaluation.metrics)]
    yield from _shortened(weak, "slices more are weaker than the whole")
    unmeasured = [
        f"{part.column} = {part.value} ({part.rows:,} rows)"
        for part in evaluation.slices
        if all(metric.value is None for metric in part.metrics.values())
    ]
    if unmeasured:
        listed = ", ".join(_shortened(unmeasured, "more"))
        yield f"Not measured, for too few rows or one class only: {listed}."
    if not any(part.sensitive for part in evaluation.slices):
        yield (
            "No sensitive attribute was declared: whether it treats groups of people alike was "
            "not measured."
        )


def _weak(part: SliceValue, whole: Mapping[str, MetricValue]) -> Iterator[str]:
    """The first metric of a slice, where its whole interval is worse than the model's value."""
    for key, metric in list(part.metrics.items())[:1]:
        overall = whole[key].value if key in whole else None
        if overall is None or metric.interval is None:
            continue
        low, high = metric.interval
        if high < overall if metric.greater_is_better else low > overall:
            name = f"{part.column} = {part.value}"
            yield f"Weaker for {name}: {key} {metric.text}, over all rows {overall:.4g}."


def _shortened(texts: Sequence[str], rest: str) -> Iterable[str]:
    left = len(texts) - _LISTED
    return [*texts[:_LISTED], *([f"{left:,} {rest}"] if left > 0 else [])]
