"""Rebuild a registered version from what was kept of it, and compare the bits."""

from pathlib import Path
from tempfile import TemporaryDirectory

from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import trained_part
from ml_platform.component.steps.certify import certificate_of
from ml_platform.component.steps.code import environment
from ml_platform.component.steps.kept_recipe import recipe_of
from ml_platform.gates.reproducibility import digests
from ml_platform.plugins import Strict
from ml_platform.registry.certificate import Certificate
from ml_platform.spec.recipe import Recipe
from ml_platform.training.fit import train


class Reproduction(Strict):
    """What came of a rebuild.

    rows: that it was trained on; files: of the saved model; differing: those whose bits differ.
    changed: libraries of another version than then, as `name: then, now`.
    """

    model: str
    version: int
    snapshot: str
    rows: int
    files: tuple[str, ...]
    differing: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every file is the same, bit for bit."""
        return not self.differing


def reproduce(platform: Platform, name: str, version: int) -> Reproduction:
    """Train a version again from its certificate and compare the saved model, file by file.

    The rows come from the snapshot of that hash, the settings from the declaration that was kept
    with the version, a transform beside the declaration from the model itself.
    Raises DeploymentRefused without an intact certificate, ModelError when the version or its
    declaration is not there, SnapshotNotFound when its rows are not.
    """
    certificate = certificate_of(platform, name, version)
    recipe = recipe_of(platform, name, version)
    snapshot = certificate.snapshot
    frame = platform.snapshots.read(snapshot.table, content_hash=snapshot.content_hash)
    split = recipe.split_rows(frame)
    registered = platform.registry.get(name, version)
    rows = trained_part(frame.iloc[split.train], platform, registered, key=recipe.id)
    rows = rows.drop(columns=[] if recipe.id is None else recipe.id)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        saved = platform.registry.download(name, version, folder / "registered")
        model = train(
            rows,
            target=recipe.target,
            task=recipe.task,
            features=recipe.features,
            trainer=recipe.training,
            folder=saved,
            positive=recipe.positive,
            weighting=recipe.training_data.weighting(recipe.event_time),
        )
        model.save(folder / "rebuilt", folder_of_declaration=saved)
        before, now = digests(saved), digests(folder / "rebuilt")
    return Reproduction(
        model=name,
        version=version,
        snapshot=f"{snapshot.table}@{snapshot.version}",
        rows=len(rows),
        files=tuple(sorted(before)),
        differing=tuple(
            sorted(n for n in before.keys() | now.keys() if before.get(n) != now.get(n))
        ),
        changed=_changed(certificate, recipe),
    )


def _changed(certificate: Certificate, recipe: Recipe) -> tuple[str, ...]:
    now, then = environment(recipe), certificate.environment
    return tuple(
        f"{name}: {then.get(name, 'none')} then, {now.get(name, 'none')} now"
        for name in sorted(now.keys() | then.keys())
        if now.get(name) != then.get(name)
    )
