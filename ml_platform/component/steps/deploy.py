"""deployed_bento: verify the certificate, build the Bento, test it as a service, release it."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.component.handles import DeployedBento, EvaluationReport
from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import verified_certificate
from ml_platform.component.steps.holdout import Judged, load_holdout
from ml_platform.component.steps.kept_recipe import recipe_of
from ml_platform.component.steps.prove import with_scoring
from ml_platform.component.steps.service_verdicts import service_verdicts
from ml_platform.component.steps.train import model_hash
from ml_platform.gates.evidence import ServiceEvidence
from ml_platform.gates.gate import Gate, Stage
from ml_platform.gates.result import GateRecord
from ml_platform.gates.service_smoke import ServiceSmoke
from ml_platform.registry.certificate import Certificate, refused
from ml_platform.serving.build import bento_folder, build_bento
from ml_platform.serving.client_records import client_records
from ml_platform.serving.examples import keep_example
from ml_platform.serving.process import ServiceProcess
from ml_platform.spec.load import Declaration
from ml_platform.spec.recipe import Recipe

LEAST_ASKED = 200
"""Records of the holdout that gates on the service are given, where it has so many."""


@dataclass(frozen=True)
class BuiltBento:
    """A certified version in the Bento store, with the verdicts of the service gates."""

    handle: DeployedBento
    certificate: Certificate
    records: tuple[GateRecord, ...]
    reused: bool


def build_and_test(
    declaration: Declaration, platform: Platform, report: EvaluationReport, *, now: datetime
) -> BuiltBento:
    """Build the Bento of a certified version, unless it is there, and judge it as a service.

    What was released with this certificate on this very Bento is not tested again.
    It answers by the contract that it was trained under, whatever is declared now.
    Raises DeploymentRefused when the certificate does not hold, whoever asks.
    """
    certificate = verified_certificate(declaration, platform, report.version, now=now)
    recipe = recipe_of(platform, declaration.spec.name, report.version)
    judged = cache(partial(load_holdout, declaration, platform, report.snapshot, report.version))
    certificate = with_scoring(platform, certificate, recipe.contract, judged)
    before = _built_at(declaration, platform, report.version)
    tag = _build(declaration, platform, certificate, recipe)
    reused = before is not None and before == _built_at(declaration, platform, report.version)
    handle = DeployedBento(tag=tag, version=report.version, certificate=certificate.digest)
    known = _verdicts_at_release(declaration, platform, handle) if reused else ()
    records = known or _judge(declaration, platform, report, tag, judged)
    return BuiltBento(handle, certificate, records, reused)


def _built_at(declaration: Declaration, platform: Platform, version: int) -> int | None:
    """When the Bento in the store was built, in nanoseconds; None where there is none."""
    folder = bento_folder(platform.settings.bentos, declaration.spec.name, version)
    try:
        return folder.stat().st_ctime_ns
    except FileNotFoundError:
        return None


def _verdicts_at_release(
    declaration: Declaration, platform: Platform, handle: DeployedBento
) -> tuple[GateRecord, ...]:
    """What the service gates said when this version was released; empty unless they still apply."""
    declared = [gate.declared for gate in declaration.spec.all_gates(Stage.DEPLOYED_BENTO)]
    name, certificate = declaration.spec.name, handle.certificate
    records = service_verdicts(platform, name, handle.version, certificate=certificate)
    return records if [record.gate for record in records] == declared else ()


def _build(
    declaration: Declaration, platform: Platform, certificate: Certificate, recipe: Recipe
) -> str:
    spec = declaration.spec
    with TemporaryDirectory() as temporary:
        folder = platform.registry.download(spec.name, certificate.version, Path(temporary))
        if model_hash(folder) != certificate.model_hash:
            problem = "the stored model is not the one that its certificate is about"
            raise refused(spec.name, certificate.version, [problem])
        return build_bento(
            model_folder=folder,
            serving=spec.serving,
            key=recipe.id,
            model_hash=certificate.model_hash,
            scoring=certificate.scoring,
            exploration=_explored(declaration),
            name=spec.name,
            version=certificate.version,
            contract=recipe.contract.model_dump(mode="json"),
            release=_release_of(declaration, platform, certificate),
            bentos=platform.settings.bentos,
        )


def _explored(declaration: Declaration) -> float | None:
    """Percent of the keys whose decision is made at random, where that is declared."""
    feedback = declaration.spec.feedback
    declared = feedback.exploration if feedback is not None else None
    return declared.percent if declared is not None else None


def _release_of(
    declaration: Declaration, platform: Platform, certificate: Certificate
) -> dict[str, object]:
    """What the service tells of itself: who made it from what, on which evidence."""
    spec = declaration.spec
    registered = platform.registry.get(spec.name, certificate.version)
    return {
        "owner": spec.owner,
        "description": spec.description,
        "intended_use": spec.intended_use,
        "certificate": certificate.digest,
        "mlflow_run_id": registered.run_id,
        "dagster_run_id": registered.tags["dagster_run_id"],
        "git_commit": certificate.git_commit or "",
        "training_data": f"{certificate.snapshot.table}@{certificate.snapshot.version}",
        "contract_version": certificate.contract_version,
        "metrics": certificate.metrics,
    }


def _judge(
    declaration: Declaration,
    platform: Platform,
    report: EvaluationReport,
    tag: str,
    judge: Callable[[], Judged],
) -> tuple[GateRecord, ...]:
    with _service_evidence(declaration, platform, report, tag, judge()) as evidence:
        gates = declaration.spec.all_gates(Stage.DEPLOYED_BENTO)
        return tuple(gate.record(gate.judge(evidence)) for gate in gates)


def asked_places(rows: int, gates: Iterable[Gate[Any]]) -> NDArray[np.int64]:
    """The positions of the rows of a holdout that a service is asked about, ascending.

    As many as a gate wants, from the first to the last: the first rows alone may be the oldest.
    """
    wanted = (gate.records for gate in gates if isinstance(gate, ServiceSmoke))
    count = min(rows, max(LEAST_ASKED, *wanted))
    return np.linspace(0, rows - 1, count).round().astype(np.int64)


@contextmanager
def _service_evidence(
    declaration: Declaration,
    platform: Platform,
    report: EvaluationReport,
    tag: str,
    judged: Judged,
) -> Generator[ServiceEvidence]:
    spec = declaration.spec
    places = asked_places(len(judged.holdout), spec.all_gates(Stage.DEPLOYED_BENTO))
    records = client_records(judged.holdout.iloc[places], list(judged.model.inputs))
    keep_example(platform.handles, spec.name, report.version, records[0])
    with ServiceProcess(tag, bentos=platform.settings.bentos, private=True) as service:
        yield ServiceEvidence(
            service=service,
            records=records,
            scores=judged.scores[places],
            task=spec.task,
            version=str(report.version),
            classes=judged.model.classes,
            threshold=judged.model.threshold,
            url=service.url,
            folder=declaration.folder,
        )
