"""The asset of a model that scores declared rows in one go; it belongs to no release."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from ml_platform.component.asset import AssetOf, Results
from ml_platform.component.handles import DeployedBento, Handle
from ml_platform.component.platform import Platform
from ml_platform.spec.load import Declaration
from ml_platform.spec.scoring import ScoringSpec

BATCH_PREDICTIONS = "batch_predictions"


class BatchPredictions(Handle):
    """Where scored rows are, and which version scored them."""

    asset = BATCH_PREDICTIONS
    output: str
    version: str
    rows: int


def batch_predictions(declaration: Declaration, scoring: ScoringSpec) -> dg.AssetsDefinition:
    """The asset of a declared scoring."""
    about = f"The rows of `{scoring.input}` with the champion's predictions, in `{scoring.output}`."

    @AssetOf(
        declaration=declaration,
        name=BATCH_PREDICTIONS,
        about=about,
        kind="parquet" if scoring.output.endswith(".parquet") else "table",
        in_production=True,
        upstream={"bento": "deployed_bento"},
    )
    def scored(context: dg.AssetExecutionContext, platform: Any, bento: DeployedBento) -> Results:
        return _score(context, declaration, platform.stores, scoring)

    return scored


def _score(
    context: dg.AssetExecutionContext,
    declaration: Declaration,
    platform: Platform,
    scoring: ScoringSpec,
) -> Iterator[Any]:
    from ml_platform.component.steps.score import score_declared
    from ml_platform.serving.batch_progress import lines

    outcome = score_declared(declaration, platform, scoring, progress=lines(context.log.info))
    context.log.info(f"{outcome.scored:,} rows scored, {outcome.refused:,} refused")
    output = str(declaration.folder / scoring.output)
    yield dg.MaterializeResult(
        value=BatchPredictions(output=output, version=outcome.version, rows=outcome.scored),
        metadata={
            "rows": outcome.scored,
            "refused": outcome.refused,
            "refused_by_reason": dg.MetadataValue.json(outcome.reasons),
            "version": outcome.version,
            "output": dg.MetadataValue.path(output),
            **({"refusals": dg.MetadataValue.path(outcome.refusals)} if outcome.refusals else {}),
        },
    )
