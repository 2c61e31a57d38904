"""The software-defined assets of one model. Each translates; steps and domain decide."""

import json
from collections.abc import Mapping, Sequence

import dagster as dg

from ml_platform.clock import utc_now
from ml_platform.component import metadata
from ml_platform.component.asset import AssetOf, Results
from ml_platform.component.blocking import Waived, check_results, stop_if_blocked
from ml_platform.component.handles import (
    EvaluationReport,
    RawData,
    TrainedModel,
    ValidatedData,
)
from ml_platform.component.platform import PlatformResource
from ml_platform.gates.gate import Stage
from ml_platform.spec.load import Declaration

FORCE_TAG = "ml_platform/force"
"""Run tag that trains anew although nothing changed."""


RETRAINING_TAG = "ml_platform/retraining"
"""Run tag of a training that the platform began: its reasons; what is no better stays out."""

EVIDENCE_TAG = "ml_platform/evidence"
"""Run tag of the same: the figures behind its reasons, by trigger, as JSON."""


def model_assets(declaration: Declaration) -> Sequence[dg.AssetsDefinition]:
    """All assets of a declared model, in the order of the data's way through them."""
    return [
        _raw_data(declaration),
        _validated_data(declaration),
        _trained_model(declaration),
        _evaluation_report(declaration),
        _deployed_bento(declaration),
    ]


def _raw_data(declaration: Declaration) -> dg.AssetsDefinition:
    source = declaration.spec.data.source.type

    @_asset(declaration, "raw_data", f"Rows as the {source} source gives them.", source)
    def raw_data(context: dg.AssetExecutionContext, platform: PlatformResource) -> Results:
        from ml_platform.component.steps.ingest import ingest

        context.log.info("reading the source")
        outcome = ingest(declaration, platform.stores)
        snapshot, contract = outcome.handle.snapshot, declaration.spec.data.contract
        yield dg.MaterializeResult(
            value=outcome.handle,
            data_version=dg.DataVersion(snapshot.content_hash),
            metadata={
                **metadata.of_snapshot(snapshot, outcome.frame, contract),
                **metadata.of_notes(outcome.frame),
            },
        )

    return raw_data


def _validated_data(declaration: Declaration) -> dg.AssetsDefinition:
    about = "Rows that keep the contract, as an immutable snapshot."
    stage = Stage.VALIDATED_DATA

    columns = metadata.of_contract(declaration.spec.data.contract)

    @_asset(declaration, "validated_data", about, "pandera", stage, columns, raw="raw_data")
    def validated_data(
        context: dg.AssetExecutionContext, platform: PlatformResource, raw: RawData
    ) -> Results:
        from ml_platform.component.steps.validate import validate_rows

        context.log.info(f"validating {raw.snapshot.rows:,} rows")
        outcome = validate_rows(declaration, platform.stores, raw, now=utc_now())
        extra = metadata.of_validation(outcome, platform.stores.settings)
        yield from check_results(context.asset_key, outcome.records, metadata=extra)
        stop_if_blocked(declaration, context.asset_key, outcome.records)
        assert outcome.handle is not None
        snapshot, contract = outcome.handle.snapshot, declaration.spec.data.contract
        shown = metadata.of_snapshot(snapshot, outcome.validation.valid, contract)
        yield dg.MaterializeResult(
            value=outcome.handle,
            data_version=dg.DataVersion(snapshot.content_hash),
            metadata={**extra, **shown},
        )

    return validated_data


def _trained_model(declaration: Declaration) -> dg.AssetsDefinition:
    spec = declaration.spec
    about = (
        f"A registered version of {spec.name}: {spec.description}\n\nReused while data, code and "
        f"configuration stay as they are; the run tag `{FORCE_TAG}: true` trains anew."
    )
    stage = Stage.TRAINED_MODEL

    @_asset(
        declaration, "trained_model", about, spec.training.type, stage, validated="validated_data"
    )
    def trained_model(
        context: dg.AssetExecutionContext, platform: PlatformResource, validated: ValidatedData
    ) -> Results:
        from ml_platform.component.steps.train import RunIdentity, train_version

        identity = RunIdentity(context.run.run_id, context.run.root_run_id or context.run.run_id)
        force = context.run.tags.get(FORCE_TAG) == "true"
        context.log.info(f"training on {validated.snapshot.rows:,} rows")
        outcome = train_version(declaration, platform.stores, validated, run=identity, force=force)
        yield from check_results(context.asset_key, outcome.records)
        stop_if_blocked(declaration, context.asset_key, outcome.records)
        assert outcome.handle is not None
        if outcome.handle.reused:
            context.log.info(f"nothing changed: version {outcome.handle.version} is reused")
        yield dg.MaterializeResult(
            value=outcome.handle,
            data_version=dg.DataVersion(f"{spec.name}:{outcome.handle.version}"),
            metadata={
                **metadata.of_model(outcome.handle, platform.stores),
                **_asked_by(context.run.tags),
            },
        )

    return trained_model


def _asked_by(tags: Mapping[str, str]) -> metadata.Metadata:
    """Why the platform began the run, and on which figures; nothing where a person did."""
    if RETRAINING_TAG not in tags:
        return {}
    evidence = json.loads(tags.get(EVIDENCE_TAG, "{}"))
    return {"retraining": tags[RETRAINING_TAG], "evidence": dg.MetadataValue.json(evidence)}


def _evaluation_report(declaration: Declaration) -> dg.AssetsDefinition:
    about = "Metrics, slices and curves on the holdout, and the release certificate."
    stage = Stage.EVALUATION_REPORT

    @_asset(declaration, "evaluation_report", about, "evidently", stage, trained="trained_model")
    def evaluation_report(
        context: dg.AssetExecutionContext, platform: PlatformResource, trained: TrainedModel
    ) -> Results:
        from ml_platform.component.steps.evaluate import evaluate_version

        context.log.info(f"evaluating version {trained.version}")
        now = utc_now()
        outcome = evaluate_version(declaration, platform.stores, trained, now=now)
        waived = Waived(outcome.certificate.waivers, now=now, version=trained.version)
        if outcome.reused:
            context.log.info("nothing changed: the evaluation of this version is reused")
        shown = metadata.of_evaluation(outcome, platform.stores, now=now)
        yield dg.MaterializeResult(
            value=outcome.handle,
            data_version=dg.DataVersion(outcome.handle.certificate),
            metadata=shown,
        )
        beside = {"report": shown["report"], "version": trained.version}
        yield from check_results(context.asset_key, outcome.records, metadata=beside, waived=waived)
        stop_if_blocked(declaration, context.asset_key, outcome.records, waived=waived)

    return evaluation_report


def _deployed_bento(declaration: Declaration) -> dg.AssetsDefinition:
    about = "The certified version as a Bento, tested as a service and released."
    stage = Stage.DEPLOYED_BENTO

    @_asset(declaration, "deployed_bento", about, "bentoml", stage, report="evaluation_report")
    def deployed_bento(
        context: dg.AssetExecutionContext, platform: PlatformResource, report: EvaluationReport
    ) -> Results:
        from ml_platform.component.steps.deploy import build_and_test
        from ml_platform.component.steps.release import release

        context.log.info(f"building and testing the Bento of version {report.version}")
        now = utc_now()
        built = build_and_test(declaration, platform.stores, report, now=now)
        waived = Waived(built.certificate.waivers, now=now, version=report.version)
        beside = {"version": report.version}
        yield from check_results(context.asset_key, built.records, metadata=beside, waived=waived)
        stop_if_blocked(declaration, context.asset_key, built.records, waived=waived)
        who = f"run {context.run.run_id}"
        outcome = release(
            declaration,
            platform.stores,
            built,
            who=who,
            now=now,
            only_if_better=RETRAINING_TAG in context.run.tags,
        )
        context.log.info(outcome.summary)
        yield dg.MaterializeResult(
            value=built.handle,
            data_version=dg.DataVersion(built.handle.tag),
            metadata=metadata.of_deployment(
                built, outcome, platform.stores, run_id=report.run_id, now=now
            ),
        )

    return deployed_bento


def _asset(
    declaration: Declaration,
    name: str,
    about: str,
    kind: str,
    stage: Stage | None = None,
    shown: metadata.Metadata | None = None,
    **upstream: str,
) -> AssetOf:
    """An asset of the model; `upstream`: the asset that each argument of the function reads."""
    return AssetOf(
        declaration=declaration,
        name=name,
        about=about,
        kind=kind,
        stage=stage,
        shown=shown or {},
        upstream=upstream,
    )
