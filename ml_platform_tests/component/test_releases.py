"""The releases sensor and the command job, in process and under a real daemon."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_platform.clock import VARIABLE, SimulatedClock
from ml_platform.component.platform import Platform, PlatformResource
from ml_platform.component.releases import (
    ReleaseCommand,
    carry_out,
    release_command_job,
    releases_sensor,
)
from ml_platform.component.steps.advance import AT_ONCE, Progress, advance
from ml_platform.component.steps.release import ReleaseOutcome, release
from ml_platform.data.snapshots import Snapshot
from ml_platform.exceptions import DeploymentRefused, ModelError, ServiceUnavailable, StoreError
from ml_platform.registry.certificate import Certificate
from ml_platform.registry.comparison import Comparison
from ml_platform.release.evidence import Agreement, Counts, Moments, difference_bin
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action
from ml_platform.release.worker import WorkerReport
from ml_platform.serving.examples import keep_example
from ml_platform.spec.load import Declaration
from ml_platform.testing.releases import CANARY, transition
from ml_platform_tests.component.running import changed
from ml_platform_tests.serving.small_bento import small_bento
from ml_platform_tests.serving.stand_in import StandIn, running

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GOOD = {(1, "champion"): Counts(requests=9500), (2, "candidate"): Counts(requests=500)}
BAD = {**GOOD, (2, "candidate"): Counts(requests=500, errors={"raised": 30})}


class Aliases:
    """Stands in for MLflow, which takes seconds to open."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, int]] = {}
        self.away = False
        self.unknown = set[str]()

    def aliases(self, model: str) -> dict[str, int]:
        if self.away:
            raise StoreError("MLflow is away")
        if model in self.unknown:
            raise ModelError(f"{model} has no version 1")
        return dict(self.known.get(model, {}))

    def set_alias(self, model: str, alias: str, version: int | None) -> None:
        named = self.known.setdefault(model, {})
        named.pop(alias, None)
        if version is not None:
            named[alias] = version


@pytest.fixture
def aliases(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Aliases:
    fake = Aliases()
    monkeypatch.setattr(Platform, "registry", fake)
    return fake


def opened(
    platform: Platform,
    model: str,
    counts: dict[tuple[int, str], Counts],
    *,
    at_least: int = 0,
) -> None:
    """A release of version 2 in canary, with evidence; it waits for so many predictions."""
    platform.releases.append(transition(model, 1, 1), expected_revision=0)
    canary = Step(stage=Stage.CANARY, percent=5, min_predictions=at_least)
    plan = Plan(steps=(canary, *CANARY.steps[1:]))
    way = transition(model, 2, 2, Action.OPEN).model_copy(update={"plan": plan})
    platform.releases.append(way, expected_revision=1)
    platform.releases.record_evidence(model, entered=2, worker="w", counts=counts)


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    resources = {"platform": PlatformResource()}
    sensor = releases_sensor()
    definitions = dg.Definitions(sensors=[sensor], resources=resources)
    with dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        repository_def=definitions.get_repository_def(),
        resources=resources,
    ) as context:
        return sensor.evaluate_tick(context)


def test_a_tick_moves_each_release_by_its_evidence_and_tells_it_on_the_asset(
    platform: Platform, aliases: Aliases, instance: dg.DagsterInstance
) -> None:
    opened(platform, "good", GOOD)
    opened(platform, "bad", BAD)
    platform.releases.append(transition("quiet", 1, 1), expected_revision=0)
    found = tick(instance)
    assert platform.releases.state("good").stage is Stage.RAMP
    assert platform.releases.state("bad").candidate is None
    live = {"champion": 1}
    assert aliases.known == {"good": {**live, "candidate": 2}, "bad": live, "quiet": live}
    events = {event.asset_key.path[0]: event for event in found.asset_events}
    shown = events["bad"].metadata
    assert events["bad"].asset_key.path[1] == "deployed_bento"
    assert (shown["action"].value, shown["who"].value) == ("rollback", "releases sensor")
    assert "30 of 500 requests (6 %)" in shown["why"].value
    assert "|errors|harm|" in shown["tests"].value
    assert "|2|candidate|500|30|" in shown["versions"].value
    assert found.skip_message == "2 releases under way, 2 moved"
    assert json.loads(found.cursor)["seen"] == {"bad": 3, "good": 3, "quiet": 1}


def test_a_shadow_that_goes_on_shows_how_it_scores_beside_the_champion(
    platform: Platform, aliases: Aliases, instance: dg.DagsterInstance
) -> None:
    shadow = Counts(
        requests=500,
        shadow=Agreement(500, 490, Moments(500, 5.0, 1.0)),
        differences={difference_bin(0.05): 500},
        slices={"kind=b": Agreement(200, 190, Moments(200, 5.0, 1.0))},
    )
    opened(platform, "m", {(1, "champion"): Counts(requests=500), (2, "shadow"): shadow})
    [event] = tick(instance, json.dumps({"seen": {"m": 2}})).asset_events
    assert "|0.01 to 0.1|500|100|" in event.metadata["differences"].value
    assert "|kind=b|200|190|0.025|" in event.metadata["slices"].value


def test_a_champion_that_is_replaced_is_verified_for_a_rollback(
    platform: Platform, aliases: Aliases, instance: dg.DagsterInstance
) -> None:
    platform.releases.append(transition("m", 1, 1), expected_revision=0)
    first = tick(instance)
    assert "way_back" not in first.asset_events[0].metadata, "there is none before the first"
    model = small_bento(platform.settings.bentos, "m", 1)
    platform.releases.append(transition("m", 2, 2), expected_revision=1)
    [event] = tick(instance, first.cursor).asset_events
    assert event.metadata["way_back"].value == "version 1 can be put back: its files are whole"
    (model / "trees").write_bytes(b"other")
    [event] = tick(instance, first.cursor).asset_events
    assert "version 1 cannot be put back" in event.metadata["way_back"].value


def test_evidence_of_a_release_that_waits_is_shown_now_and_then(
    platform: Platform,
    aliases: Aliases,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimulatedClock.create(tmp_path / "clock", start=NOW)
    monkeypatch.setenv(VARIABLE, str(clock.file))

    def counted(requests: int) -> dict[tuple[int, str], Counts]:
        return {(2, "candidate"): Counts(requests=requests)}

    cursors = [json.dumps({"seen": {"m": 2}})]

    def shown_after(minutes: float) -> list[Any]:
        clock.set((NOW + timedelta(minutes=minutes)).timestamp())
        found = tick(instance, cursors[-1])
        cursors.append(found.cursor)
        for event in found.asset_events:
            instance.report_runless_asset_event(event)
        return [event.metadata for event in found.asset_events]

    opened(platform, "m", counted(3), at_least=10)
    [first] = shown_after(0)
    told = (first["action"].value, first["why"].value)
    assert told == ("stays", "3 of 10 predictions at this step")
    assert "|2|candidate|3|" in first["versions"].value
    platform.releases.record_evidence("m", entered=2, worker="w", counts=counted(5))
    assert shown_after(14) == [], "at most every quarter of an hour"
    [second] = shown_after(15)
    assert "|2|candidate|5|" in second["versions"].value
    assert shown_after(31) == [], "and not when it says the same"
    platform.releases.append(transition("m", 3, 2, Action.REJECT), expected_revision=2)
    assert [shown["action"].value for shown in shown_after(32)] == ["reject"], "at once"


def test_what_others_did_is_told_and_mirrored_once(
    platform: Platform, aliases: Aliases, instance: dg.DagsterInstance
) -> None:
    opened(platform, "m", {})
    first = tick(instance)
    assert platform.releases.revision("m") == 3
    cursor = first.cursor
    platform.releases.append(transition("m", 4, 2, Action.CUT_OUT), expected_revision=3)
    told = tick(instance, cursor)
    assert [event.metadata["action"].value for event in told.asset_events] == ["cut_out"]
    assert aliases.known["m"] == {"champion": 1}
    assert tick(instance, told.cursor).asset_events == []
    # The same tick again, as after a crash or by a second daemon: nothing twice.
    instance.report_runless_asset_event(told.asset_events[0])
    assert tick(instance, cursor).asset_events == []
    assert platform.releases.revision("m") == 4


def test_what_happened_before_the_first_tick_is_told_as_it_was_and_once(
    platform: Platform, aliases: Aliases, instance: dg.DagsterInstance
) -> None:
    for version in (1, 2):
        platform.releases.append(transition("m", version, version), expected_revision=version - 1)
    events = tick(instance).asset_events
    shown = [[event.metadata[name].value for name in ("revision", "champion")] for event in events]
    assert shown == [[1, 1], [2, 2]], "each with what was live after it"
    assert aliases.known["m"] == {"champion": 2, "previous": 1}
    for event in events:
        instance.report_runless_asset_event(event)
    platform.releases.append(transition("m", 3, 3), expected_revision=2)
    [event] = tick(instance).asset_events  # whose cursor was lost
    assert event.metadata["revision"].value == 3


def test_a_look_tells_of_so_many_models_and_of_those_that_move_now_first(
    platform: Platform, aliases: Aliases, instance: dg.DagsterInstance
) -> None:
    models = [f"m{number:03}" for number in range(AT_ONCE)]
    for model in models:
        platform.releases.append(transition(model, 1, 1), expected_revision=0)
    opened(platform, "zest", BAD)
    found = tick(instance)
    told = [event.asset_key.path[0] for event in found.asset_events]
    assert told == ["zest"] * 3 + models[:-1]
    [event] = tick(instance, found.cursor).asset_events
    assert event.asset_key.path[0] == models[-1]


def test_a_registry_that_is_away_gets_the_aliases_later(
    platform: Platform, aliases: Aliases
) -> None:
    opened(platform, "m", GOOD)
    aliases.away = True
    first = advance(platform, since=Progress(seen={"m": 2}), now=NOW)
    assert platform.releases.revision("m") == 3, "the release goes on"
    assert [each.action for each, _ in first.news] == [Action.ADVANCE]
    assert first.progress == Progress(seen={"m": 3}, unmirrored=("m",))
    aliases.away = False
    later = advance(platform, since=first.progress, now=NOW)
    assert aliases.known["m"]["champion"] == platform.releases.state("m").champion
    assert later.progress.unmirrored == ()


def test_models_whose_aliases_cannot_be_set_hold_up_no_other(
    platform: Platform, aliases: Aliases
) -> None:
    models = [f"m{number:03}" for number in range(2 * AT_ONCE)]
    for model in models:
        platform.releases.append(transition(model, 1, 1), expected_revision=0)
    aliases.unknown = set(models[:AT_ONCE])
    first = advance(platform, since=Progress(), now=NOW)
    second = advance(platform, since=first.progress, now=NOW)
    assert len(first.news) == len(second.news) == AT_ONCE
    assert set(aliases.known) == set(models[AT_ONCE:])
    assert second.progress.unmirrored == tuple(models[:AT_ONCE])


def command_job() -> dg.JobDefinition:
    """The job with its resource, as the code location has it."""
    return dg.Definitions(
        jobs=[release_command_job()], resources={"platform": PlatformResource()}
    ).resolve_job_def("release_command")


def test_a_rollback_that_is_executed_again_goes_no_step_further_back(
    platform: Platform, aliases: Aliases, tmp_path: Path
) -> None:
    for version in (1, 2, 3):
        small_bento(platform.settings.bentos, "m", version)
        platform.releases.append(transition("m", version, version), expected_revision=version - 1)
    config = {"model": "m", "command": "rollback", "by": "ada", "reason": "I say so"}
    ops = {"ops": {"command": {"config": config}}}
    job = dg.reconstructable(command_job)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        first = dg.execute_job(job, instance, run_config=ops)
        assert platform.releases.state("m").champion == 2
        options = dg.ReexecutionOptions(first.run_id)
        assert dg.execute_job(job, instance, reexecution_options=options).success
        assert platform.releases.state("m").champion == 2, "it is proven again"
        assert dg.execute_job(job, instance, run_config=ops).success
    assert platform.releases.state("m").champion == 1, "another order is another step"


def test_the_command_job_does_what_the_command_does(
    platform: Platform, aliases: Aliases, instance: dg.DagsterInstance
) -> None:
    opened(platform, "m", {})
    job = command_job()

    def command(name: str, **more: object) -> bool:
        config = {"model": "m", "command": name, "by": "ada", "reason": "I say so", **more}
        ops = {"ops": {"command": {"config": config}}}
        return job.execute_in_process(ops, instance=instance, raise_on_error=False).success

    assert command("hold")
    assert platform.releases.state("m").held
    assert not command("approve")
    assert command("rollback")
    last = platform.releases.history("m")[-1]
    assert (last.action, last.who, last.why) == (Action.ROLLBACK, "ada", "I say so")
    assert aliases.known["m"] == {"champion": 1}


def test_the_rollback_of_the_job_shows_the_key_that_its_process_has(
    platform: Platform, aliases: Aliases, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(platform, "m", {})
    keep_example(platform.handles, "m", 1, {"x": 1})
    order = {"model": "m", "command": "rollback", "by": "ada", "reason": "I say so"}
    with running(StandIn(key="mlp_1")) as service:
        report = WorkerReport(
            model="m",
            worker="w1",
            host="h",
            url=service.url,
            revision=9,
            versions=(1,),
            seen_at=datetime.now(UTC) + timedelta(seconds=2),
        )
        platform.releases.report_worker(report)
        with pytest.raises(ServiceUnavailable, match="asks for an API key"):
            carry_out(platform, ReleaseCommand.model_validate(order))
        done = platform.releases.revision("m")
        monkeypatch.setenv("ML_PLATFORM_API_KEY", "mlp_1")
        told = carry_out(platform, ReleaseCommand.model_validate({**order, "version": 1}))
    assert any("POST /predict: answered by version 1" in line for line in told)
    assert platform.releases.revision("m") == done, "it is proven again, not done again"


def certificate(version: int, compared_with: Comparison | None) -> Certificate:
    """One without verdicts, which compare with what is given."""
    table = "small_credit/validated_data"
    return Certificate(
        model="small_credit",
        version=version,
        records=(),
        snapshot=Snapshot(table=table, version=1, content_hash="ab", rows=9, columns=("x",)),
        contract_version=1,
        code_version="c0de",
        git_commit=None,
        environment={},
        metrics={},
        issued_at=NOW,
        compared_with=compared_with,
    )


class Built:
    """What a deployment hands to the release."""

    def __init__(self, version: int, compared_with: Comparison | None = None) -> None:
        self.records = ()
        self.certificate = certificate(version, compared_with)
        self.handle = type("Handle", (), {})()
        self.handle.version, self.handle.certificate = version, "ab" * 32
        self.handle.tag = f"small_credit:{version}"


def released(declaration: Declaration, platform: Platform, version: int) -> ReleaseOutcome:
    return release(declaration, platform, Built(version), who="run 1", now=NOW)  # pyright: ignore


def test_a_version_goes_the_declared_way_and_a_newer_one_takes_its_place(
    declaration: Declaration, platform: Platform, aliases: Aliases
) -> None:
    canary = "canary: {percent: 5}"
    way = changed(declaration, "  gates:", f"  release: {{{canary}, ramp: [50, 100]}}\n  gates:")
    first = released(way, platform, 1)
    assert first.summary == "version 1 is champion now, as the first release"
    second = released(way, platform, 2)
    told = "version 2 is candidate now, beside version 1: canary 5 % -> ramp 50 % -> full"
    assert second.summary == told
    assert "candidate already, at canary" in released(way, platform, 2).summary
    released(way, platform, 3)
    assert aliases.known["small_credit"] == {"champion": 1, "candidate": 3}
    actions = [each.action for each in platform.releases.history("small_credit")]
    assert actions == [Action.PROMOTE_DIRECT, Action.OPEN, Action.WITHDRAW, Action.OPEN]


def test_a_version_that_was_taken_out_is_not_released_again_by_an_unchanged_run(
    declaration: Declaration, platform: Platform, aliases: Aliases
) -> None:
    for version in (1, 2):
        released(declaration, platform, version)
    platform.releases.append(transition("small_credit", 3, 1, Action.ROLLBACK), expected_revision=2)
    again = released(declaration, platform, 2)
    assert "version 2 was taken out before and is not released again" in again.summary
    assert platform.releases.state("small_credit").champion == 1


def test_a_champion_that_changed_while_the_bento_was_built_is_seen(
    declaration: Declaration, platform: Platform, aliases: Aliases
) -> None:
    gate = "{type: no_regression, metric: roc_auc, tolerance: 0.05}"
    release_ = "  release: {canary: {percent: 5}}\n"
    way = changed(declaration, "  gates:\n", f"{release_}  gates:\n    - {gate}\n")
    first = Comparison()

    def released(version: int, compared_with: Comparison) -> ReleaseOutcome:
        built: Any = Built(version, compared_with)
        return release(way, platform, built, who="run 1", now=NOW)

    assert "is champion now" in released(1, first).summary
    with pytest.raises(DeploymentRefused, match="first release, but the champion is version 1\n"):
        released(2, first)
    assert "is candidate now" in released(2, Comparison(champion=1)).summary
    with pytest.raises(DeploymentRefused, match="may not be deployed: it was judged as the first"):
        released(3, first)
    assert platform.releases.state("small_credit").candidate == 2, "it is not withdrawn for it"
    assert "is candidate already" in released(2, Comparison(champion=1)).summary
    assert "is champion already" in released(1, first).summary


_CODE = """
import json
from pathlib import Path

from ml_platform.component.load import Loaded, build_definitions
from ml_platform.component.platform import Platform


class AliasesInAFile:
    file = Path({file!r})

    def aliases(self, model):
        return json.loads(self.file.read_text()) if self.file.exists() else {{}}

    def set_alias(self, model, alias, version):
        known = {{**self.aliases(model), alias: version}}
        self.file.write_text(json.dumps(known))


Platform.registry = AliasesInAFile()  # MLflow alone would take as long as all the rest
defs = build_definitions(Loaded((), ()))
"""


@pytest.mark.slow
def test_a_real_daemon_takes_a_candidate_back(platform: Platform, tmp_path: Path) -> None:
    from ml_platform.component.instance import open_instance, prepare_dagster_home

    opened(platform, "m", BAD)
    code, mirrored = tmp_path / "location.py", tmp_path / "aliases.json"
    code.write_text(_CODE.format(file=str(mirrored)), encoding="utf-8")
    home, log = prepare_dagster_home(platform.settings), tmp_path / "daemon.log"
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    with open_instance(platform.settings):
        pass  # the daemon and the test would both create the tables
    output = log.open("wb")
    daemon = subprocess.Popen(
        [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-f", str(code)],
        env=environment,
        cwd=tmp_path,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 150
        key = dg.AssetKey(["m", "deployed_bento"])
        records: list[Any] = []
        with open_instance(platform.settings) as instance:
            while len(records) < 3 and time.monotonic() < deadline:
                time.sleep(0.5)
                records = list(instance.fetch_observations(key, limit=5).records)
    finally:
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait(30)
        output.close()
    assert platform.releases.state("m").candidate is None, log.read_text("utf-8")
    told = [record.asset_observation.metadata["action"].value for record in records]
    assert told == ["rollback", "open", "promote_direct"], "also what was before the daemon"
    assert json.loads(mirrored.read_text("utf-8")) == {"champion": 1}
