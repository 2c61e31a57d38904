"""The release certificate: what a version was judged by, bound to that very version by a hash."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from pydantic import AwareDatetime, Field, ValidationError

from ml_platform.data.snapshots import Snapshot
from ml_platform.exceptions import DeploymentRefused
from ml_platform.gates.result import GateRecord
from ml_platform.plugins import Strict
from ml_platform.registry.comparison import Comparison, outdated_on_data
from ml_platform.registry.waiver import Waiver, told_waivers, unwaived, with_void
from ml_platform.registry.ways_on import past_a_certificate, past_gates
from ml_platform.training.scoring_path import ScoringPath


class Certificate(Strict):
    """Everything that speaks for, or against, releasing one version.

    records: the verdict of each gate, with the gate as it was declared.
    code_version: fingerprint of code and configuration; git_commit: None outside a repository.
    environment: Python, platform and the versions of the libraries.
    metrics: measured on the holdout; None where not measurable.
    waivers: who answers for which failed gate until when.
    scoring: whether compiled code may score it, proven before the Bento is built; None: not yet.
    benchmarks: the frozen rows that it was judged by besides the holdout, by name.
    compared_with: what the gates that compare had beside it; None where none does.
    model_hash: sha256 of the saved model's manifest, which holds that of each of its files.
    """

    model: str
    version: int
    records: tuple[GateRecord, ...]
    snapshot: Snapshot
    contract_version: int
    code_version: str
    git_commit: str | None
    environment: dict[str, str]
    metrics: dict[str, float | None]
    issued_at: AwareDatetime
    model_hash: str | None = None
    waivers: tuple[Waiver, ...] = ()
    scoring: ScoringPath | None = None
    benchmarks: dict[str, Snapshot] = Field(default_factory=dict)
    compared_with: Comparison | None = None

    @property
    def text(self) -> str:
        """The one JSON text of this certificate, keys sorted; what is stored."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()

    @property
    def digest(self) -> str:
        """The sha256 of the text, in hex; what is kept with the version."""
        return digest_of(self.text)

    @property
    def facts(self) -> dict[str, str]:
        """What it is about besides the verdicts, for people, by what that is."""
        told = {
            "certificate": f"{self.model}:{self.version}",
            "digest": self.digest,
            "issued": f"{self.issued_at:%Y-%m-%d %H:%M:%S %Z}",
            "data": _named(self.snapshot),
            "contract": f"version {self.contract_version}",
            "code": f"{self.code_version[:16]}, commit {self.git_commit or 'unknown'}",
            "environment": ", ".join(f"{name} {n}" for name, n in self.environment.items()),
        }
        if self.compared_with is not None:
            told["compared"] = f"with {self.compared_with}"
        if self.scoring is not None:
            told["scoring"] = str(self.scoring)
        return told | {f"benchmark {n}": _named(rows) for n, rows in self.benchmarks.items()}

    def blocking(self, *, now: datetime) -> list[GateRecord]:
        """The records that stop the release: they block, and no waiver covers them now."""
        return unwaived(self.records, self.waivers, now=now)

    def told_waivers(self, *, now: datetime) -> list[tuple[Waiver, str]]:
        """Every waiver with what it says, marked where it is void."""
        return [*told_waivers(self.waivers, self.records, now=now)]


def _named(snapshot: Snapshot) -> str:
    named = f"{snapshot.table}@{snapshot.version}, {snapshot.rows:,} rows"
    return f"{named}, {snapshot.content_hash[:16]}"


def verify(
    text: str | None,
    digest: str | None,
    *,
    model: str,
    version: int,
    required: Mapping[str, Mapping[str, Any]],
    file: Path,
    now: datetime,
    comparison: Comparison | None = None,
    champion: int | None = None,
) -> Certificate:
    """Return the certificate in `text` if the version may be released on it.

    text: the stored document, None when there is none; digest: the hash kept with the version.
    required: the gates that the declaration in force asks for, by their checks; it is in `file`.
    comparison: what a version is compared with now; None where no gate on an evaluation compares.
    champion: the version in production now; verdicts on data name the one that they compare with.
    Raises DeploymentRefused with everything that is wrong: no certificate, changed since it was
    issued, of another version, a gate that was never judged or is another one now, a verdict that
    is about another champion or baseline, or that blocks and that no waiver covers any more; and
    with what one can do.
    """
    if text is None or digest is None:
        lacking = "certificate" if text is None else "hash of its certificate"
        raise refused(model, version, [f"it has no {lacking}; it has to pass its gates first"])
    if digest_of(text) != digest:
        raise refused(
            model,
            version,
            [
                f"its certificate was changed after it was issued: its hash is "
                f"{digest_of(text)[:12]}..., kept with the version is {digest[:12]}..."
            ],
        )
    certificate = _read(text, model=model, version=version)
    blocking = certificate.blocking(now=now)
    problems = [
        *_of_another(certificate, model=model, version=version),
        *_not_judged(certificate, required),
        *_outdated(certificate, comparison, champion),
        *(
            f"{record.check} {record.result.verdict}: "
            f"{with_void(record, certificate.waivers, now=now)}"
            for record in blocking
        ),
    ]
    if blocking:
        ways = past_gates(blocking, model=model, file=file, version=version)
        raise refused(model, version, problems, ways=ways)
    if problems:
        raise refused(model, version, problems)
    return certificate


def require_current(
    certificate: Certificate, *, comparison: Comparison | None, champion: int | None
) -> None:
    """Raise DeploymentRefused where a verdict is about another champion or baseline than those.

    comparison, champion: as `verify` takes them.
    """
    problems = [*_outdated(certificate, comparison, champion)]
    if problems:
        raise refused(certificate.model, certificate.version, problems)


def _read(text: str, *, model: str, version: int) -> Certificate:
    try:
        return Certificate.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "document"
        problem = f"its certificate cannot be read: {where}: {first['msg']}"
        raise refused(model, version, [problem]) from error


def _of_another(certificate: Certificate, *, model: str, version: int) -> list[str]:
    if (certificate.model, certificate.version) == (model, version):
        return []
    return [f"its certificate is that of {certificate.model}:{certificate.version}"]


def _not_judged(
    certificate: Certificate, required: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """The gates that are declared now and were not then, or otherwise."""
    judged = {record.check: record for record in certificate.records}
    missing = sorted(required.keys() - judged.keys())
    if missing:
        yield f"its certificate lacks {', '.join(missing)}"
    for check, record in judged.items():
        if check in required and not record.is_of(required[check]):
            yield _changed(record, required[check])


def _outdated(
    certificate: Certificate, now: Comparison | None, champion: int | None
) -> Iterator[str]:
    for record in certificate.records:
        why = outdated_on_data(record, champion, version=certificate.version)
        if why is not None:
            yield f"{record.check}: {why}"
    if now is not None:
        before = certificate.compared_with or Comparison()
        yield from before.outdated(now, version=certificate.version)


def _changed(record: GateRecord, declared: Mapping[str, Any]) -> str:
    """What became of a gate; a contract's rules alone do not say that its version should have."""
    when = "after it was judged"
    version, rules = (record.gate.get(n) == declared.get(n) for n in ("version", "digest"))
    if record.check == "contract" and version and not rules:
        when += ", without a new version"
    return f"{record.check} was changed {when}: {record.change_to(declared)}"


def refused(
    model: str, version: int, problems: Sequence[str], *, ways: str = ""
) -> DeploymentRefused:
    """The error that says what is wrong with a version, and the ways on; by default a new one."""
    told = f"{model}:{version} may not be deployed: {'; '.join(problems)}"
    return DeploymentRefused(f"{told}\n{ways or past_a_certificate(model=model)}")


def digest_of(text: str) -> str:
    """The sha256 of a certificate's text, in hex."""
    return sha256(text.encode()).hexdigest()
