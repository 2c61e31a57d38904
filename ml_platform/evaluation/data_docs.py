"""Index pages over the reports of every model: plain files that a browser opens as they are.

<reports>/index.html                     every model: last validation, last evaluation
<reports>/<model>/index.html             its validations and evaluations
<reports>/<model>/validation/*.json      one a validation that says another thing, with its page
<reports>/<model>/v<N>/evaluation.json   the last of a version, with its page and model card
<reports>/<model>/v<N>/kept/*.json       each by the digest of its certificate, with its page
<reports>/<model>/calibration/*.json     one a calibration, with the page beside it
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ml_platform.data.handles import HandleStore
from ml_platform.data.page import Cell, Link, Page, Section, Table, page_html
from ml_platform.exceptions import StoreError

VALIDATION, EVALUATION, CALIBRATION = "validation", "evaluation.json", "calibration"
KEPT = "kept"
"""Folder of a version: its evaluations as they were certified, one after the other."""

INDEX = "index.html"
MOST = 200
"""Validations, and versions, that a model's page lists; older ones stay where they are."""

LISTED = 5
"""Of the evaluations that are kept of a version, the latest that its row links to."""

_LOCK_SECONDS = 60
_VERSION = re.compile(r"v(\d+)")
Document = dict[str, Any]


def write_document(reports: Path, path: str, document: Document) -> None:
    """Put a JSON document below the reports, whole or not at all.

    Raises StoreError when the disk is full or refuses us.
    """
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    HandleStore(str(reports)).write(path, text)


def digest_of(document: Document) -> str:
    """The sha256 of what a document says, in hex, whenever it was written."""
    said = {key: value for key, value in document.items() if key != "when"}
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def write_index(reports: Path, *, model: str | None = None) -> None:
    """Write the index of all models, and the page of one model, or of every one.

    Reading and writing happen under a lock, so that of two processes the later one lists what
    both have written; each page is replaced as a whole. Raises StoreError when the disk is full
    or refuses us.
    """
    from filelock import FileLock, Timeout

    try:
        reports.mkdir(parents=True, exist_ok=True)
        with FileLock(reports / ".index.lock", timeout=_LOCK_SECONDS):
            models = sorted(entry.name for entry in reports.iterdir() if _is_model(entry))
            store = HandleStore(str(reports))
            for name in models if model is None else [model]:
                page = page_html(model_page(reports / name))
                store.write(f"{name}/{INDEX}", page)
            store.write(INDEX, page_html(front_page(reports, models)))
    except (OSError, Timeout) as error:
        raise StoreError(f"cannot write the index of {reports}: {error}") from error


def front_page(reports: Path, models: Iterable[str]) -> Page:
    """Every model at a glance."""
    rows = [_front_row(reports / name) for name in models]
    if not rows:
        return Page("Data docs", ["No model has been validated yet."])
    head = ("model", "last validation", "verdict", "latest version", "gates", "first metric")
    return Page("Data docs", [Table(rows, head)])


def model_page(folder: Path) -> Page:
    """The evaluations, validations and calibrations of a model, the latest first."""
    return Page(
        f"{folder.name}: data docs",
        [Link("all models", f"../{INDEX}")],
        [_evaluations(folder), _validations(folder), *_calibrations(folder)],
    )


def _front_row(folder: Path) -> list[Cell]:
    validation = next(iter(_validation_files(folder)), None)
    version = next(iter(_version_folders(folder)), None)
    row: list[Cell] = [Link(folder.name, f"{folder.name}/{INDEX}")]
    if validation is None:
        row += ["none", ""]
    else:
        document = _read(validation)
        row += [
            Link(_when(document, "when"), f"{folder.name}/{VALIDATION}/{validation.stem}.html"),
            _verdict(document),
        ]
    if version is None:
        return [*row, "none", "", ""]
    document = _read(version / EVALUATION)
    address = f"{folder.name}/{version.name}/evaluation.html"
    return [*row, Link(version.name, address), _gates(document), _first_metric(document)]


def _validations(folder: Path) -> Section:
    files = _validation_files(folder)
    if not files:
        return Section("Validations", ["None yet."])
    rows = [_validation_row(file) for file in files[:MOST]]
    head = ("validated", "verdict", "rows", "bad rows", "contract", "raw snapshot", "")
    return Section("Validations", [Table(rows, head), *_older(len(files))])


def _validation_row(file: Path) -> list[Cell]:
    document, address = _read(file), f"{VALIDATION}/{file.stem}"
    return [
        Link(_when(document, "when"), f"{address}.html"),
        _verdict(document),
        _count(document.get("rows")),
        _count(document.get("bad_rows")),
        str(document.get("contract_version", "")),
        _snapshot(document),
        Link("JSON", f"{address}.json"),
    ]


def _evaluations(folder: Path) -> Section:
    versions = _version_folders(folder)
    if not versions:
        return Section("Versions", ["None yet."])
    rows = [_evaluation_row(version) for version in versions[:MOST]]
    head = ("version", "judged", "gates", "metrics on the holdout", "trained on", "more")
    return Section("Versions", [Table(rows, head), *_older(len(versions))])


def _evaluation_row(version: Path) -> list[Cell]:
    document, name = _read(version / EVALUATION), version.name
    metrics = _metrics(document)
    others = [
        Link(file.stem, f"{name}/{file.name}")
        for file in sorted(version.glob("*.html"))
        if file.name not in ("evaluation.html", INDEX)
    ]
    return [
        Link(name, f"{name}/evaluation.html"),
        _when(document, "when"),
        _gates(document),
        "; ".join(f"{key} {text}" for key, text in metrics[:3]),
        _snapshot(document),
        Link("JSON", f"{name}/{EVALUATION}"),
        *others,
        *(
            Link(f"kept {file.stem[:8]}", f"{name}/{KEPT}/{file.stem}.html")
            for file in _json_files(version / KEPT)[:LISTED]
        ),
    ]


def _calibrations(folder: Path) -> Iterator[Section]:
    files = _json_files(folder / CALIBRATION)
    if not files:
        return
    rows = [_calibration_row(file) for file in files[:MOST]]
    head = ("calibrated", "on", "fits", "proposals", "")
    yield Section("Calibrations", [Table(rows, head), *_older(len(files))])


def _calibration_row(file: Path) -> list[Cell]:
    document, address = _read(file), f"{CALIBRATION}/{file.stem}"
    fits, proposals = document.get("fits"), document.get("proposals")
    return [
        Link(_when(document, "at"), f"{address}.html"),
        str(document.get("snapshot", "")),
        str(len(fits)) if isinstance(fits, list) else "",
        str(len(proposals)) if isinstance(proposals, list) else "",
        Link("JSON", f"{address}.json"),
    ]


def _older(listed: int) -> list[str]:
    return [f"{listed - MOST:,} older ones are in the folder."] if listed > MOST else []


def _is_model(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _validation_files(folder: Path) -> list[Path]:
    return _json_files(folder / VALIDATION)


def _json_files(folder: Path) -> list[Path]:
    """The latest first, by the time of writing, which needs no file to be read."""
    files = folder.glob("*.json") if folder.is_dir() else ()
    return sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)


def _version_folders(folder: Path) -> list[Path]:
    found = {
        int(match.group(1)): entry
        for entry in (folder.iterdir() if folder.is_dir() else ())
        if (match := _VERSION.fullmatch(entry.name)) and (entry / EVALUATION).is_file()
    }
    return [found[version] for version in sorted(found, reverse=True)]


def _read(file: Path) -> Document:
    """The document; an empty one where somebody broke it, so that the others are listed."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _when(document: Document, key: str) -> str:
    try:
        return f"{datetime.fromisoformat(str(document.get(key))):%Y-%m-%d %H:%M}"
    except ValueError:
        return "cannot be read"


def _verdict(document: Document) -> str:
    return {True: "passed", False: "failed"}.get(document.get("passed"), "")  # pyright: ignore


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _snapshot(document: Document) -> str:
    snapshot = document.get("snapshot")
    if not isinstance(snapshot, dict):
        return ""
    return f"{snapshot.get('table')}@{snapshot.get('version')}"


def _gates(document: Document) -> str:
    """`failed (1 of 4)`, and so on: the worst verdict, how many gates have it, what is waived."""
    records = document.get("gates")
    if not isinstance(records, list) or not records:
        return ""
    verdicts = [record.get("result", {}).get("verdict") for record in records]
    worst = next((v for v in ("failed", "inconclusive") if v in verdicts), "passed")
    return f"{worst} ({verdicts.count(worst)} of {len(verdicts)}){_waivers(document)}"


def _waivers(document: Document) -> str:
    waivers = document.get("waivers")
    return "".join(
        f"; {waiver.get('check')} waived until {_when(waiver, 'until')}"
        for waiver in (waivers if isinstance(waivers, list) else ())
        if isinstance(waiver, dict)
    )


def _metrics(document: Document) -> list[tuple[str, str]]:
    from pydantic import ValidationError

    from ml_platform.evaluation.report import MetricValue

    metrics = document.get("evaluation", {}).get("metrics", {})
    try:
        return [(key, MetricValue.model_validate(each).text) for key, each in metrics.items()]
    except (ValidationError, AttributeError):
        return []


def _first_metric(document: Document) -> str:
    return next((f"{key} {text}" for key, text in _metrics(document)), "")
