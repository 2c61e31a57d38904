"""Releases in Dagster: the sensor that moves them all, and the job that carries out commands."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import AwareDatetime, Field

from ml_platform.clock import utc_now
from ml_platform.component.platform import Platform, PlatformResource
from ml_platform.component.release_events import (
    EVIDENCE_EVERY,
    evidence_events,
    of_transition,
    told_until,
)
from ml_platform.component.steps.advance import Progress, advance
from ml_platform.release.state import Action, ReleaseState, Transition
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.serving.loadable import WayBack

SENSOR = "releases"
JOB = "release_command"
EVERY_SECONDS = 10


class Cursor(Progress):
    """How far the sensor is.

    evidence_at: when it last looked at what is to be shown of releases that stay where they are.
    """

    evidence_at: AwareDatetime | None = None


def releases_sensor() -> dg.SensorDefinition:
    """The one sensor over the releases of all models."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=Settings.from_environment().sensor_interval(EVERY_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Advances, holds or rolls back the releases under way by their evidence.",
    )
    def releases(
        context: dg.SensorEvaluationContext, platform: PlatformResource
    ) -> dg.SensorResult:
        cursor, now = Cursor.model_validate_json(context.cursor or "{}"), utc_now()
        found = advance(
            platform.stores,
            since=cursor,
            now=now,
            told=lambda model: told_until(context.instance, model),
        )
        last = {transition.model: state for transition, state in found.news}
        events = [
            of_transition(
                transition,
                state,
                way_back=_way_back(platform.stores, transition, last[transition.model]),
            )
            for transition, state in found.news
        ]
        shown = cursor.evidence_at
        if shown is None or now - shown >= EVIDENCE_EVERY:
            events += evidence_events(context.instance, found.standing, now=now)
            shown = now
        return dg.SensorResult(
            skip_reason=f"{found.under_way} releases under way, {found.moved} moved",
            cursor=Cursor(**dict(found.progress), evidence_at=shown).model_dump_json(),
            asset_events=events,
        )

    return releases


class Command(Enum):
    """What a person can order."""

    approve = "approve"
    reject = "reject"
    hold = "hold"
    resume = "resume"
    promote = "promote"
    rollback = "rollback"


class ReleaseCommand(dg.Config):
    """A command about a model's release, as `ml-platform` takes it."""

    model: str = Field(description="Name of the model.")
    command: Command = Field(description="What to do.")
    by: str = Field(description="Who orders it.")
    reason: str = Field(description="Why, for those who read it later.")
    version: int | None = Field(
        default=None,
        description="rollback: the version to go back to; the last good one if null. That which "
        "the last rollback put back is proven again.",
    )


def release_command_job() -> dg.JobDefinition:
    """The job for the launchpad; `ml-platform approve|reject|...` does the same."""

    @dg.op(
        name="command",
        description="Approve, reject, hold, resume, promote or roll back a release.",
        out=dg.Out(dg.Nothing),
    )
    def command(
        context: dg.OpExecutionContext, config: ReleaseCommand, platform: PlatformResource
    ) -> None:
        for line in carry_out(platform.stores, _as_first_ordered(context, platform.stores, config)):
            context.log.info(line)

    @dg.job(
        name=JOB,
        description="Approve, reject, hold, resume, promote or roll back a release.",
        executor_def=dg.in_process_executor,
    )
    def release_command() -> None:
        command()

    return release_command


def ordered_about(run_config: Mapping[str, Any]) -> str | None:
    """The model that a run of the job is about; None where its configuration does not say."""
    found: Any = run_config
    for key in ("ops", "command", "config", "model"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else None


def _as_first_ordered(
    context: dg.OpExecutionContext, platform: Platform, config: ReleaseCommand
) -> ReleaseCommand:
    """The order; of a rollback that is executed again, to the version that it put back before.

    A rollback fails, too, when it is done and not proven. A step further back is another order.
    """
    first = context.run.root_run_id
    if first is None or config.command is not Command.rollback or config.version is not None:
        return config
    record = context.instance.get_run_record_by_id(first)
    began = record.start_time if record else None
    last = next(reversed(platform.releases.history(config.model)), None)
    if began is None or last is None or last.action is not Action.ROLLBACK:
        return config
    if last.at.timestamp() < began:
        return config
    return config.model_copy(update={"version": last.version})


def carry_out(platform: Platform, config: ReleaseCommand) -> Sequence[str]:
    """Carry out a command; return what came of it. Raises ReleaseError when it cannot be done."""
    from ml_platform.release.commands import mirror, order, told

    if config.command is Command.rollback:
        return _rolled_back(platform, config)
    state = order(
        platform.releases,
        config.model,
        config.command.value,
        by=config.by,
        reason=config.reason,
        now=utc_now(),
    )
    mirror(platform.registry, state)
    return [f"{config.model}: {told(state)}"]


def _rolled_back(platform: Platform, config: ReleaseCommand) -> list[str]:
    from ml_platform.exceptions import ServiceUnavailable
    from ml_platform.release.commands import mirror
    from ml_platform.serving.examples import kept_example
    from ml_platform.serving.roll_back import prove, roll_back
    from ml_platform.serving.smoke import configured_key

    done = roll_back(
        platform.releases,
        config.model,
        to=config.version,
        by=config.by,
        reason=config.reason,
        now=utc_now(),
        bentos=platform.settings.bentos,
    )
    assert done.after.champion is not None
    example = kept_example(platform.handles, config.model, done.after.champion)
    proof = prove(platform.releases, done.after, example=example, now=utc_now, key=configured_key())
    mirror(platform.registry, done.after)
    lines = [f"{config.model}: {done.summary}", *proof.lines()]
    if not proof.holds:
        raise ServiceUnavailable("; ".join([*lines, done.unproven]))
    return lines


def _way_back(platform: Platform, transition: Transition, state: ReleaseState) -> "WayBack | None":
    """Verify the version that was retired, when the transition made the present champion."""
    from ml_platform.serving.loadable import way_back

    if transition.at != state.since:
        return None
    return way_back(platform.settings.bentos, state)
