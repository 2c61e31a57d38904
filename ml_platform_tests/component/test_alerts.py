"""The alerts sensor on a real event log: what is told to whom, once."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock

from ml_platform.component import alerts
from ml_platform.component.alerts import alerts_sensor
from ml_platform.component.blocking import Waived, check_results
from ml_platform.component.instance import open_instance
from ml_platform.component.monitoring import check_result
from ml_platform.component.platform import Platform, PlatformResource
from ml_platform.component.releases import ReleaseCommand, release_command_job
from ml_platform.component.retraining import WAITING, Waiting
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.monitoring.check import Check
from ml_platform.monitoring.heartbeat import last_beat
from ml_platform.monitoring.incident_store import SqlIncidentStore
from ml_platform.monitoring.incidents import Finding, Incident
from ml_platform.monitoring.sender import PatientSender
from ml_platform.registry.waiver import Waiver
from ml_platform.release.state import Action
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform.testing.releases import transition
from ml_platform_tests.component.running import changed
from ml_platform_tests.serving.small_bento import small_bento

MODEL = "small_credit"


class Post:
    """Takes messages, unless it is down."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.bodies: list[str] = []
        self.urls: list[Sequence[str]] = []
        self.down = False

    def __call__(self, urls: Sequence[str], title: str, body: str) -> Sequence[str]:
        if self.down:
            return ()
        self.titles.append(title)
        self.bodies.append(body)
        self.urls.append(urls)
        return urls

    def take(self) -> list[str]:
        titles, self.titles = self.titles, []
        return titles


class Watch:
    """The sensor, its cursor, and what it told."""

    def __init__(self, declaration: Declaration, instance: dg.DagsterInstance) -> None:
        self.post = Post()
        self.sensor = alerts_sensor([declaration], send=self.post)
        self.instance, self.cursor = instance, ""
        self.tick()

    def tick(self, *, again: bool = False) -> Any:
        """One tick; `again` leaves the cursor, as a daemon that died would."""
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            found = self.sensor.evaluate_tick(context)
        if not again:
            self.cursor = found.cursor
        return found


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Dagster's own SQLite files: event log, runs and ticks as the daemon keeps them."""
    with open_instance(settings) as instance:
        yield instance


@pytest.fixture
def watch(declaration: Declaration, instance: dg.DagsterInstance) -> Watch:
    declared = changed(declaration, "  gates:\n", "  alerts: {urls: ['json://own']}\n  gates:\n")
    return Watch(declared, instance)


@pytest.fixture
def incidents(settings: Settings) -> SqlIncidentStore:
    return SqlIncidentStore(settings.release_url)


def evaluate(
    instance: dg.DagsterInstance,
    asset: str,
    check: str,
    *,
    passed: bool,
    model: str = MODEL,
    blocks: bool = False,
    text: str = "0.6 is below 0.7",
    **metadata: Any,
) -> None:
    severity = dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey([model, asset]),
            check_name=check,
            passed=passed,
            severity=severity,
            description=text,
            metadata={
                name: dg.MetadataValue.json(v) if isinstance(v, list) else v
                for name, v in metadata.items()
            },
        )
    )


def test_a_failed_check_of_a_green_run_is_told_once_and_so_is_its_end(
    watch: Watch, instance: dg.DagsterInstance
) -> None:
    evaluate(instance, "evaluation_report", "minimum_metric_roc_auc", passed=False, blocks=True)
    watch.tick(again=True)
    watch.tick()
    watch.tick()
    assert watch.post.take() == [f"[CRITICAL] {MODEL}: blocked gate (minimum_metric_roc_auc)"]
    assert watch.post.urls == [["json://own"]]
    assert "0.6 is below 0.7" in watch.post.bodies[0]
    evaluate(instance, "evaluation_report", "minimum_metric_roc_auc", passed=True, blocks=True)
    watch.tick()
    assert watch.post.take() == [f"[RECOVERED] {MODEL}: blocked gate (minimum_metric_roc_auc)"]


def test_what_happened_before_the_first_tick_is_history(
    declaration: Declaration, instance: dg.DagsterInstance, incidents: SqlIncidentStore
) -> None:
    evaluate(instance, "evaluation_report", "minimum_metric_roc_auc", passed=False)
    Watch(declaration, instance)
    assert incidents.of(MODEL) == []


def test_an_audit_that_cannot_tell_opens_nothing_and_ends_nothing(
    watch: Watch, instance: dg.DagsterInstance
) -> None:
    def audit(verdict: str) -> list[str]:
        passed = verdict == "passed"
        evaluate(instance, "labeled_feedback", "bias_audit", passed=passed, verdict=verdict)
        watch.tick()
        return watch.post.take()

    assert audit("inconclusive") == [], "no label has come yet"
    assert audit("failed") == [f"[WARNING] {MODEL}: feedback (bias_audit)"]
    assert audit("inconclusive") == []
    assert audit("passed") == [f"[RECOVERED] {MODEL}: feedback (bias_audit)"]


def test_each_drifted_column_is_an_incident_that_ends_by_itself(
    watch: Watch, instance: dg.DagsterInstance, incidents: SqlIncidentStore
) -> None:
    def report(*columns: str, verdict: str = "failed") -> list[tuple[str, str]]:
        text = "; ".join(f"{c} drifted: PSI 0.4" for c in columns) or "none moved"
        subjects = {"subjects": list(columns)} if columns else {}
        evaluate(
            instance,
            "monitoring_report",
            "input_drift",
            passed=not columns,
            text=text,
            verdict=verdict,
            **subjects,
        )
        watch.tick()
        return sorted((i.subject, i.text) for i in incidents.unsettled())

    found = report("income", "age")
    assert found == [("age", "age drifted: PSI 0.4"), ("income", "income drifted: PSI 0.4")]
    assert [subject for subject, _ in report("income")] == ["income"]
    assert [subject for subject, _ in report(verdict="unclear")] == ["income"], "too few rows"
    assert report(verdict="passed") == []
    assert [subject for subject, _ in report(*"abcdefg")] == ["inputs"], "one for many"


def test_a_model_can_switch_alerts_off(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    incidents: SqlIncidentStore,
) -> None:
    def look(watch: Watch, candidate: int, revision: int) -> list[str]:
        evaluate(instance, "evaluation_report", "minimum_metric_roc_auc", passed=False)
        failing = job(f"{MODEL}_release", fails=True)
        failing.execute_in_process(instance=instance, raise_on_error=False)
        for number, action in enumerate((Action.OPEN, Action.CUT_OUT), revision):
            moved = transition(MODEL, number, candidate, action)
            platform.releases.append(moved, expected_revision=number - 1)
        because = {MODEL: f"its own budget: {candidate} of 4 runs"}
        waiting = Waiting(at=datetime.now(UTC), because=because)
        platform.handles.write(WAITING, waiting.model_dump_json())
        watch.tick()
        return sorted(incident.kind for incident in incidents.unsettled())

    platform.releases.append(transition(MODEL, 1, 1), expected_revision=0)
    on = changed(declaration, "  gates:\n", "  alerts: {urls: ['json://own']}\n  gates:\n")
    off = Watch(changed(on, "['json://own']", "['json://own'], automatic: false"), instance)
    assert look(off, 2, 2) == []
    assert off.post.take() == []
    watch = Watch(changed(on, ", automatic: false", ""), instance)
    assert look(watch, 3, 4) == ["budget", "gate", "rolled_back", "run_failed"]
    off = Watch(changed(on, "['json://own']", "['json://own'], automatic: false"), instance)
    evaluate(instance, "evaluation_report", "minimum_metric_roc_auc", passed=True)
    off.tick()
    assert len(incidents.unsettled()) == 4, "what is open stays as it is"
    assert off.post.take() == []


def test_a_check_of_an_unknown_model_is_nobodys(
    watch: Watch, instance: dg.DagsterInstance, incidents: SqlIncidentStore
) -> None:
    evaluate(instance, "evaluation_report", "x", passed=False, model="other")
    watch.tick()
    assert incidents.unsettled() == []


def job(name: str, *, fails: bool, check: bool = False) -> dg.JobDefinition:
    key = dg.AssetKey([MODEL, "evaluation_report"])

    @dg.asset(key=key, check_specs=[dg.AssetCheckSpec("floor", asset=key)])
    def evaluation_report():
        yield dg.MaterializeResult(
            check_results=[dg.AssetCheckResult(check_name="floor", passed=not check)]
        )
        if fails:
            raise dg.Failure("the source is away", allow_retries=False)

    definitions = dg.Definitions(assets=[evaluation_report], jobs=[dg.define_asset_job(name)])
    return definitions.resolve_job_def(name)


def test_a_finding_of_the_report_names_its_version_in_the_message(
    watch: Watch, instance: dg.DagsterInstance, incidents: SqlIncidentStore
) -> None:
    key = dg.AssetKey([MODEL, "monitoring_report"])
    slow = Check(
        name="latency", verdict="failed", severity="critical", text="too slow", rows=9, version=4
    )

    @dg.asset(key=key, check_specs=[dg.AssetCheckSpec("latency", asset=key)])
    def monitoring_report():
        yield dg.MaterializeResult()
        yield check_result(key, slow, window=datetime(2013, 6, 3, tzinfo=UTC))

    dg.materialize([monitoring_report], instance=instance)
    watch.tick()
    [incident] = incidents.unsettled()
    assert (incident.window, incident.windows) == ("2013-06-03T00:00:00+00:00", 1)
    assert "Version: 4" in watch.post.bodies[0].splitlines()


def test_an_alert_about_a_waived_gate_says_who_waived_it_however_much_was_found(
    watch: Watch, instance: dg.DagsterInstance
) -> None:
    key, now = dg.AssetKey([MODEL, "evaluation_report"]), datetime.now(UTC)
    wide = GateResult(verdict="failed", reason="; ".join(f"c{n} moved by 1" for n in range(60)))
    record = GateRecord(check="no_drift", gate={"type": "no_drift"}, result=wide, blocks=True)
    waiver = Waiver(
        check="no_drift",
        version=1,
        by="Ada",
        reason="a new source",
        until=now + timedelta(days=1),
        granted_at=now,
    )

    @dg.asset(key=key, check_specs=[dg.AssetCheckSpec("no_drift", asset=key)])
    def evaluation_report():
        yield dg.MaterializeResult()
        yield from check_results(key, [record], waived=Waived((waiver,), now))

    dg.materialize([evaluation_report], instance=instance)
    watch.tick()
    assert watch.post.take() == [f"[WARNING] {MODEL}: gate (no_drift)"]
    assert watch.post.bodies[0].startswith("waived by Ada until ")
    assert ": a new source; c0 moved by 1; " in watch.post.bodies[0]


def test_a_failed_run_is_told_with_its_cause_until_the_job_succeeds(
    watch: Watch, instance: dg.DagsterInstance
) -> None:
    name = f"{MODEL}_release"
    job(name, fails=True).execute_in_process(instance=instance, raise_on_error=False)
    watch.tick()
    watch.tick()
    assert watch.post.take() == [f"[CRITICAL] {MODEL}: run failed (release)"]
    assert "failed: the source is away" in watch.post.bodies[0]
    job(name, fails=False).execute_in_process(instance=instance)
    watch.tick()
    assert watch.post.take() == [f"[RECOVERED] {MODEL}: run failed (release)"]


def test_a_run_that_a_gate_stopped_is_told_as_the_gate(
    watch: Watch, instance: dg.DagsterInstance
) -> None:
    blocked = job(f"{MODEL}_release", fails=True, check=True)
    blocked.execute_in_process(instance=instance, raise_on_error=False)
    watch.tick()
    assert watch.post.take() == [f"[CRITICAL] {MODEL}: blocked gate (floor)"]


def test_a_run_begun_from_the_asset_graph_belongs_to_its_model(
    watch: Watch, instance: dg.DagsterInstance
) -> None:
    @dg.asset(key=[MODEL, "raw_data"])
    def raw_data():
        raise ValueError("no such table")

    definitions = dg.Definitions(assets=[raw_data])
    everything = definitions.resolve_implicit_global_asset_job_def()
    everything.execute_in_process(
        instance=instance, raise_on_error=False, asset_selection=[raw_data.key]
    )
    watch.tick()
    found = watch.post.take()
    assert found == [f"[WARNING] {MODEL}: run failed (assets)"]


def ordered(instance: dg.DagsterInstance, model: str, *, done: bool = False) -> None:
    """Carry out an order from the launchpad: a rollback where nothing is released, or one done."""

    @dg.op(name="command")
    def carried_out(config: ReleaseCommand) -> None:
        pass

    @dg.job(name="release_command")
    def stand_in() -> None:
        carried_out()

    definitions = dg.Definitions(
        jobs=[stand_in if done else release_command_job()],
        resources={"platform": PlatformResource()},
    )
    config = {"model": model, "command": "rollback", "by": "ada", "reason": "I say so"}
    ran = definitions.resolve_job_def("release_command").execute_in_process(
        {"ops": {"command": {"config": config}}}, instance=instance, raise_on_error=False
    )
    assert ran.success is done


def test_an_order_that_failed_is_told_of_its_model_or_of_the_platform(
    watch: Watch, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_PLATFORM_ALERT_URLS", "json://platform")
    ordered(instance, MODEL)
    ordered(instance, "smal_credit")
    watch.tick()
    failed = [f"{model}: run failed (release_command)" for model in ("platform", MODEL)]
    assert sorted(watch.post.take()) == [f"[CRITICAL] {each}" for each in failed]
    assert f"no version of '{MODEL}' is released" in "".join(watch.post.bodies)
    ordered(instance, MODEL, done=True)
    watch.tick()
    assert sorted(watch.post.take()) == [f"[RECOVERED] {each}" for each in failed]


def test_a_rollback_is_told_until_the_next_promotion(watch: Watch, platform: Platform) -> None:
    small_bento(platform.settings.bentos, MODEL, 1)

    def append(revision: int, version: int, action: Action) -> list[str]:
        moved = transition(MODEL, revision, version, action)
        platform.releases.append(moved, expected_revision=revision - 1)
        watch.tick()
        watch.tick()
        return watch.post.take()

    assert append(1, 1, Action.PROMOTE_DIRECT) == []
    assert append(2, 2, Action.OPEN) == []
    assert append(3, 2, Action.CUT_OUT) == [f"[CRITICAL] {MODEL}: rolled back"]
    assert append(4, 3, Action.PROMOTE_DIRECT) == [f"[RECOVERED] {MODEL}: rolled back"]


def test_a_champion_that_is_replaced_and_cannot_be_put_back_is_told(
    watch: Watch, platform: Platform
) -> None:
    for version in (1, 2):
        moved = transition(MODEL, version, version)
        platform.releases.append(moved, expected_revision=version - 1)
        watch.tick()
    assert watch.post.take() == [f"[WARNING] {MODEL}: no way back"]
    assert "version 1 cannot be put back" in watch.post.bodies[0]
    small_bento(platform.settings.bentos, MODEL, 2)
    platform.releases.append(transition(MODEL, 3, 3), expected_revision=2)
    watch.tick()
    assert watch.post.take() == [f"[RECOVERED] {MODEL}: no way back"]


def test_a_training_that_waits_for_its_budget_is_told_and_one_that_cools_down_is_not(
    watch: Watch, platform: Platform
) -> None:
    def waits(because: dict[str, str]) -> list[str]:
        text = Waiting(at=datetime.now(UTC), because=because).model_dump_json()
        platform.handles.write(WAITING, text)
        watch.tick()
        return watch.post.take()

    assert waits({MODEL: "it was trained at 3; cooling down until 4"}) == []
    assert waits({MODEL: "its own budget: 4 of 4 runs"}) == [f"[WARNING] {MODEL}: budget"]
    assert waits({MODEL: "its own budget: 4 of 4 runs"}) == []
    assert waits({}) == [f"[RECOVERED] {MODEL}: budget"]


def test_a_message_that_failed_is_in_the_log_and_tried_again(
    watch: Watch, instance: dg.DagsterInstance, incidents: SqlIncidentStore
) -> None:
    watch.post.down = True
    evaluate(instance, "monitoring_report", "latency", passed=False)
    assert "1 failed" in watch.tick().skip_message
    [incident] = incidents.unsettled()
    assert incident.undelivered is not None
    watch.post.down = False
    assert "1 sent" in watch.tick().skip_message
    assert watch.post.take() == [f"[WARNING] {MODEL}: latency"]


def test_a_message_that_a_tick_had_no_time_for_is_said_to_be_untried(
    watch: Watch,
    instance: dg.DagsterInstance,
    incidents: SqlIncidentStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(alerts, "PatientSender", partial(PatientSender, seconds=-1.0))
        evaluate(instance, "monitoring_report", "latency", passed=False)
        assert "1 untried" in watch.tick().skip_message
    [incident] = incidents.unsettled()
    assert incident.undelivered is incident.told is None
    log = capsys.readouterr().err
    assert "no time was left to try json://...; the next tick does" in log
    assert "did not take" not in log
    assert "1 sent" in watch.tick().skip_message


def test_of_two_daemons_one_tells(watch: Watch, settings: Settings, instance: Any) -> None:
    evaluate(instance, "monitoring_report", "latency", passed=False)
    with FileLock(settings.home / ".alerts.lock"):
        assert watch.tick().skip_message == "another tick is under way"
    watch.tick()
    assert len(watch.post.take()) == 1


def test_each_tick_is_a_sign_of_life_and_ends_what_was_told_of_a_dead_daemon(
    watch: Watch, settings: Settings, incidents: SqlIncidentStore
) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    dead = Finding(model="platform", kind="daemon", ok=False, text="silent", at=hour_ago)
    incidents.put([Incident.open_for(dead)])
    before = datetime.now(UTC)
    watch.tick()
    assert incidents.unsettled() == []
    beaten = last_beat(settings.home).at
    assert beaten is not None
    assert beaten >= before


def test_simulated_time_keeps_the_order_of_the_log(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    incidents: SqlIncidentStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ml_platform.clock import VARIABLE, SimulatedClock

    SimulatedClock.create(tmp_path / "clock", start=datetime(2013, 6, 3, tzinfo=UTC))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "clock"))
    watch = Watch(declaration, instance)
    for passed in (False, True, False):
        evaluate(instance, "monitoring_report", "latency", passed=passed)
    watch.tick()
    evaluate(instance, "monitoring_report", "latency", passed=True)
    watch.tick()
    assert incidents.unsettled() == []
    assert {i.opened.year for i in incidents.of(MODEL)} == {2013}
