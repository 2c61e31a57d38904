"""A span for each request that its caller's tracing keeps, through BentoML's own settings."""

import http.client
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_platform.serving.process import ServiceProcess
from ml_platform_tests.serving.otlp_to_file import installed
from ml_platform_tests.serving.small_service import small_service
from ml_platform_tests.waiting import until

pytestmark = pytest.mark.slow

CALLER = "00f067aa0ba902b7"
ROUTES = ("/predict", "/predict-batch", "/feedback")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spans") / "spans.json"


@pytest.fixture(scope="module")
def service(exported: Path) -> Iterator[ServiceProcess]:
    folder = exported.parent
    otlp = {"exporter_type": "otlp", "otlp": {"protocol": "http", "endpoint": str(exported)}}
    config = folder / "bentoml.yaml"
    config.write_text(json.dumps({"version": 2, "services": {"flights": {"tracing": otlp}}}))
    path = os.pathsep.join([str(installed(folder)), os.environ.get("PYTHONPATH", "")])
    with small_service(
        BENTOML_CONFIG=str(config),
        ML_PLATFORM_HOT_ROUTES="unsampled",
        OTEL_BSP_SCHEDULE_DELAY="50",
        PYTHONPATH=path.rstrip(os.pathsep),
    ) as (found, _):
        yield found


def asked(service: ServiceProcess, route: str, body: object, trace: str, flags: str) -> bytes:
    """Ask as a caller whose span is `CALLER`; return the answer's body."""
    connection = http.client.HTTPConnection(service.host, service.port, timeout=10)
    header = {"traceparent": f"00-{trace}-{CALLER}-{flags}"} if trace else {}
    connection.request("POST", route, json.dumps(body), header)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status == 200, text
    return text


def spans(exported: Path) -> list[dict[str, Any]]:
    """The spans of requests so far; those of their parts on the way are left out."""
    lines = exported.read_text().splitlines() if exported.exists() else []
    every = [json.loads(line) for line in lines]
    return [span for span in every if span["kind"] == "SpanKind.SERVER"]


def test_sampled_request_has_one_span_under_its_callers_and_others_have_none(
    service: ServiceProcess, exported: Path
) -> None:
    example = service.get("/openapi.json").body["paths"]
    trace = "4bf92f3577b34da6a3ce929d0e0e{number:04d}".format
    for number, route in enumerate(ROUTES):
        content = example[route]["post"]["requestBody"]["content"]["application/json"]["example"]
        answers = [
            asked(service, route, content, trace(number=number), "01"),
            asked(service, route, content, trace(number=number + 10), "00"),
            asked(service, route, content, "", ""),
        ]
        assert len({len(each) for each in answers}) == 1, "the same but for the id"
    until(lambda: len(spans(exported)) >= len(ROUTES), "the spans")
    time.sleep(0.5)  # those that should not come would be here

    found = {
        (span["name"], span["context"]["trace_id"], span["parent_id"]) for span in spans(exported)
    }
    assert found == {
        (f"POST {route}", f"0x{trace(number=number)}", f"0x{CALLER}")
        for number, route in enumerate(ROUTES)
    }
    assert len(spans(exported)) == len(ROUTES)


def test_only_sampled_requests_of_the_hot_routes_come_to_bentoml(service: ServiceProcess) -> None:
    def seen() -> float:
        lines = service.get("/metrics").body.splitlines()
        named = [line for line in lines if line.startswith("bentoml_service_request_total")]
        return sum(float(line.split()[-1]) for line in named if '"/predict"' in line)

    record = {"carrier": "UA", "distance": 1400, "delay": None, "freight": False}
    before = seen()
    for flags in ("00", "00", "01", "00"):
        asked(service, "/predict", record, "4bf92f3577b34da6a3ce929d0e0e9999", flags)
    assert seen() == before + 1
