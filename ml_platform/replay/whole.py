"""A replay from its first training to its report."""

from pathlib import Path
from tempfile import TemporaryDirectory

from ml_platform.component.platform import Platform
from ml_platform.component.steps.train import read_parts
from ml_platform.replay.loop import Replay, Replayed, Told, run_replay, simulated
from ml_platform.replay.page import report_page
from ml_platform.replay.quality import MonthQuality, quality_by_month
from ml_platform.replay.report import ReplayReport, report_of
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model

FIRST = 1


def replay_and_report(
    declaration: Declaration, home: Path, asked: Replay, *, told: Told
) -> tuple[ReplayReport, Path]:
    """Run a replay in `home`, its own stores, and write `replay.json` and `replay.html` there.

    Raises ReplayError when the model cannot be replayed.
    """
    with simulated(home, start=asked.begin) as (settings, clock):
        done = run_replay(declaration, settings, clock, asked, told=told)
        platform = Platform(settings)
        report = report_of(
            declaration,
            platform,
            asked,
            done,
            months=_months(declaration, platform, done),
            metric=declaration.spec.metrics[0].key,
        )
        folder = settings.reports / declaration.spec.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "replay.json").write_text(report.model_dump_json(indent=1), encoding="utf-8")
    page = folder / "replay.html"
    page.write_text(report_page(report), encoding="utf-8")
    return report, page


def _months(declaration: Declaration, platform: Platform, done: Replayed) -> list[MonthQuality]:
    """The platform beside the first version kept for ever, and a training each month."""
    name = declaration.spec.name
    tags = platform.registry.get(name, FIRST).tags
    table, _, number = tags["training_data"].rpartition("@")
    history = platform.snapshots.history(table)
    snapshot = next(each for each in history if each.version == int(number))
    training_rows, _ = read_parts(declaration, platform, snapshot)
    with TemporaryDirectory() as temporary:
        first = Model.load(platform.registry.download(name, FIRST, Path(temporary)))
        return quality_by_month(
            declaration,
            done.timeline,
            done.answers,
            first=first,
            trained_on=training_rows,
            metric=declaration.spec.metrics[0],
        )
