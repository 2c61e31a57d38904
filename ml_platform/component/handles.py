"""What one asset hands to the next: small documents that point to stored things."""

from datetime import datetime
from typing import ClassVar

import dagster as dg
from pydantic import AwareDatetime

from ml_platform.component.platform import PlatformResource
from ml_platform.data.snapshots import Snapshot
from ml_platform.evaluation.report import Evaluation
from ml_platform.exceptions import StoreError
from ml_platform.gates.result import GateRecord
from ml_platform.plugins import Strict
from ml_platform.spec.feedback import FeedbackSpec


class Handle(Strict):
    """Base of the handles; `asset` is the last part of the key of the asset that makes it."""

    asset: ClassVar[str]

    def follows(self, latest: str) -> bool:
        """Whether this one takes the place of the latest, which is given as it was written."""
        return True


class RawData(Handle):
    """The rows as the source gave them."""

    asset = "raw_data"
    snapshot: Snapshot


class FeedbackUsed(Strict):
    """What of the feedback a training saw.

    through: labels of predictions up to this time; None where none was used.
    rows: how many; repeated: left out, as the source has a row of their id.
    kept_out: labels before `through` that their audit lets not teach.
    version: of the table of labeled predictions.
    reason: why none was used, or what is kept out.
    """

    through: AwareDatetime | None = None
    rows: int = 0
    repeated: int = 0
    kept_out: int = 0
    version: int | None = None
    reason: str = ""


class ValidatedData(Handle):
    """The rows that keep the contract, and those that were set aside.

    contract, gates: the verdicts on these rows.
    feedback: what of production is among them. outside: rows of the source that were too old.
    """

    asset = "validated_data"
    snapshot: Snapshot
    quarantine: Snapshot | None
    contract: GateRecord
    gates: tuple[GateRecord, ...] = ()
    feedback: FeedbackUsed = FeedbackUsed()
    outside: int = 0


class SplitRows(Strict):
    """What became of the rows of a snapshot.

    left_out: in neither part, for the gap of a split in time or for a benchmark.
    """

    training: int
    holdout: int
    left_out: int

    def __str__(self) -> str:
        """For people: `799 rows trained on, 200 held out, 1 in neither`."""
        told = f"{self.training:,} rows trained on, {self.holdout:,} held out"
        return f"{told}, {self.left_out:,} in neither" if self.left_out else told


class TrainedModel(Handle):
    """A registered version of the model.

    run_id: the MLflow run that trained it.
    fingerprint: hash of everything that decides its bits: data, code, configuration.
    reused: whether an earlier training with the same fingerprint stands in.
    asked_at: when the training was asked for, reused or not. through: up to when it saw labels.
    rows: how its snapshot was divided; None of a version that was registered before this was kept.
    """

    asset = "trained_model"
    version: int
    run_id: str
    fingerprint: str
    snapshot: Snapshot
    reused: bool
    asked_at: AwareDatetime
    through: AwareDatetime | None = None
    rows: SplitRows | None = None

    def new_from(self, feedback: FeedbackSpec) -> datetime:
        """The start of the windows whose labels are new since this training.

        Where it saw no labels, of those that had not matured when it was asked for.
        """
        return self.through or self.asked_at - feedback.window - feedback.label_delay


class EvaluationReport(Handle):
    """How good a version is on its holdout, and the digest of its release certificate."""

    asset = "evaluation_report"
    version: int
    run_id: str
    snapshot: Snapshot
    evaluation: Evaluation
    certificate: str


class DeployedBento(Handle):
    """A version in the Bento store, certified, smoke-tested and released."""

    asset = "deployed_bento"
    tag: str
    version: int
    certificate: str


class HandleIOManager(dg.ConfigurableIOManager):
    """Keeps the handles of each run and the latest of each asset, atomically.

    A step reads what its own run produced; a run that begins further down reads the latest.
    """

    platform: dg.ResourceDependency[PlatformResource]

    def handle_output(self, context: dg.OutputContext, obj: Handle) -> None:
        """Write the handle under its run, then as the latest, where it follows that."""
        handles, text = self.platform.stores.handles, obj.model_dump_json()
        handles.write(_path(context.asset_key, context.run_id), text)
        latest = handles.read(_path(context.asset_key, "latest"))
        if latest is None or obj.follows(latest):
            handles.write(_path(context.asset_key, "latest"), text)

    def load_input(self, context: dg.InputContext) -> Handle:
        """Read the handle of this run, else the latest.

        Raises StoreError when the upstream asset was never materialized.
        """
        cls: type[Handle] = context.dagster_type.typing_type
        handles = self.platform.stores.handles
        run_id = context.step_context.run_id
        text = handles.read(_path(context.asset_key, run_id))
        text = text or handles.read(_path(context.asset_key, "latest"))
        if text is None:
            key = context.asset_key.to_user_string()
            raise StoreError(f"{key} was never materialized; materialize it first")
        return cls.model_validate_json(text)


def _path(key: dg.AssetKey, name: str) -> str:
    return f"{'/'.join(key.path)}/{name}.json"
