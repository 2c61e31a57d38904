"""What the alerts sensor sees of sensors, and at a thousand models."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

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

from ml_platform.component.alerts import alerts_sensor
from ml_platform.component.instance import open_instance
from ml_platform.component.instigators import troubles
from ml_platform.component.platform import Platform
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform.testing.releases import transition
from ml_platform_tests.component.test_alerts import Post

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
def test_a_tick_looks_at_a_thousand_models_together(
    instance: dg.DagsterInstance,
    platform: Platform,
    declaration: Declaration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ML_PLATFORM_OWNER_ALERT_URLS", "json://own/{owner}")
    models = [f"model_{n}" for n in range(1_000)]
    named = [declaration.spec.model_copy(update={"name": model}) for model in models]
    post, cursor = Post(), ""
    sensor_ = alerts_sensor([replace(declaration, spec=spec) for spec in named], send=post)

    def tick() -> str:
        nonlocal cursor
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            found = sensor_.evaluate_tick(context)
        cursor = found.cursor or ""
        return found.skip_message or ""

    assert tick() == "0 findings; nobody is to be told"
    for model in models[:20]:
        platform.releases.append(transition(model, 1, 1), expected_revision=0)
    for model in models[:100]:
        sensor(instance, f"{model}_retraining", ago=NOW - datetime.now(UTC))
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey([model, "monitoring_report"]),
            check_name="latency",
            passed=False,
            metadata={},
        )
        instance.report_runless_asset_event(evaluation)
    assert tick() == "120 findings; 100 sent", "100 checks; 20 promotions, which end nothing"
    assert sorted(post.take()) == sorted(f"[CRITICAL] {model}: latency" for model in models[:100])
    assert set(map(tuple, post.urls)) == {(f"json://own/{quote(declaration.spec.owner)}",)}
    assert tick() == "0 findings; nobody is to be told"
    assert post.take() == []
