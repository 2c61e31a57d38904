"""What the alerts sensor sees of sensors, at a thousand models, and as a daemon runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.error import SerializableErrorInfo

from ml_platform.component.alert_events import Read
from ml_platform.component.alert_findings import Cursor, Moment, Scope, collect
from ml_platform.component.instance import open_instance, prepare_dagster_home
from ml_platform.component.instigators import troubles
from ml_platform.component.platform import Platform
from ml_platform.monitoring.heartbeat import FILE
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform.testing.releases import transition
from ml_platform_tests.component.running import changed

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings) as instance:
        yield instance


def sensor(
    instance: dg.DagsterInstance,
    name: str,
    *,
    ago: timedelta = timedelta(0),
    failed: str = "",
    stopped: bool = False,
) -> None:
    """A sensor whose last tick was some time ago."""
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(), location_name="here")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "all"), name)
    began = (NOW - ago).timestamp()
    status = InstigatorStatus.STOPPED if stopped else InstigatorStatus.DECLARED_IN_CODE
    data = SensorInstigatorData(last_tick_start_timestamp=began, min_interval=30)
    state = InstigatorState(origin, InstigatorType.SENSOR, status, data)
    instance.add_instigator_state(state)
    instance.create_tick(
        TickData(
            instigator_origin_id=origin.get_id(),
            instigator_name=name,
            instigator_type=InstigatorType.SENSOR,
            status=TickStatus.FAILURE if failed else TickStatus.SKIPPED,
            timestamp=began,
            selector_id=state.selector_id,
            error=SerializableErrorInfo(failed, [], "StoreError") if failed else None,
        )
    )


def test_a_sensor_that_fails_or_falls_silent_is_a_finding(instance: dg.DagsterInstance) -> None:
    sensor(instance, "well")
    sensor(instance, "failing", failed="StoreError: the store is away")
    sensor(instance, "silent", ago=HOUR)
    sensor(instance, "stopped", ago=HOUR, stopped=True)
    sensor(instance, "of_somebody_else", ago=HOUR)
    names = dict.fromkeys(("well", "silent", "stopped"), "platform") | {"failing": "shop"}
    found = {f.subject: f for f in troubles(instance, names, now=NOW, machine_now=NOW)}
    assert set(found) == {"failing", "silent"}
    assert found["failing"].model == "shop"
    assert "StoreError: the store is away" in found["failing"].text
    assert "has not been evaluated since" in found["silent"].text


@pytest.mark.slow
def test_a_tick_over_a_thousand_models_is_a_matter_of_seconds(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    models = [f"model_{n}" for n in range(1_000)]
    for model in models[:20]:
        platform.releases.append(transition(model, 1, 1), expected_revision=0)
    for model in models[:100]:
        sensor(instance, f"{model}_retraining")
    scope = Scope(models, {f"{model}_retraining": model for model in models})
    before = Read.up_to_now(instance)
    for model in models[:100]:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey([model, "monitoring_report"]),
            check_name="latency",
            passed=False,
            metadata={},
        )
        instance.report_runless_asset_event(evaluation)
    begun = time.perf_counter()
    found, after = collect(
        instance,
        platform,
        Cursor(read=before, releases={}),
        scope,
        open_ones=[],
        at=Moment(NOW, NOW),
    )
    took = time.perf_counter() - begun
    assert len(found) == 120, "100 checks; 20 promotions, which end nothing"
    assert took < 10, f"{took:.1f} s"
    again, _ = collect(instance, platform, after, scope, open_ones=[], at=Moment(NOW, NOW))
    assert again == []


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    taken: list[dict[str, Any]] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Webhook)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"json://127.0.0.1:{server.server_address[1]}", taken
    server.shutdown()
    server.server_close()
    thread.join()


_CODE = """
from pathlib import Path
from ml_platform.component.load import build_definitions, load_declarations
defs = build_definitions(load_declarations([Path({folder!r})]))
"""


@pytest.mark.slow
def test_a_real_daemon_tells_a_real_webhook(
    declaration: Declaration,
    settings: Settings,
    instance: dg.DagsterInstance,
    webhook: tuple[str, list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    url, taken = webhook
    changed(declaration, "  gates:\n", f"  alerts: {{urls: ['{url}']}}\n  gates:\n")
    code, log = tmp_path / "location.py", tmp_path / "daemon.log"
    code.write_text(_CODE.format(folder=str(declaration.folder)), encoding="utf-8")
    environment = {**os.environ, "DAGSTER_HOME": str(prepare_dagster_home(settings))}
    command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-f", str(code)]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            env=environment,
            cwd=tmp_path,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as daemon,
    ):
        try:
            deadline = time.monotonic() + 240

            def wait(what: Any) -> None:
                while not what():
                    assert time.monotonic() < deadline, log.read_text("utf-8")
                    time.sleep(0.5)

            wait((settings.home / FILE).exists)
            time.sleep(2)  # the first tick takes in what was there before as history
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=dg.AssetKey(["small_credit", "monitoring_report"]),
                    check_name="latency",
                    passed=False,
                    description="version 1 takes 90 ms",
                    metadata={},
                )
            )
            wait(lambda: taken)
        finally:
            os.killpg(daemon.pid, signal.SIGKILL)
    assert [each["title"] for each in taken] == ["[CRITICAL] small_credit: latency"]
    assert "version 1 takes 90 ms" in taken[0]["message"]
