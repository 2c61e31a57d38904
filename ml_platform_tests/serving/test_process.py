import signal
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.exceptions import ModelError, ServiceUnavailable
from ml_platform.gates.evidence import ServiceEvidence
from ml_platform.gates.service_smoke import ServiceSmoke
from ml_platform.serving import leash
from ml_platform.serving.build import bento_folder, build_bento
from ml_platform.serving.client_records import client_records
from ml_platform.serving.http.keys import new_key
from ml_platform.serving.live_process import LiveServiceProcess
from ml_platform.serving.process import ServiceProcess
from ml_platform.settings import Settings
from ml_platform.spec.serving import LimitsSpec, ServingSpec
from ml_platform.training.model import Model
from ml_platform_tests.serving.conftest import CONTRACT, FEATURES, NAME, RELEASE
from ml_platform_tests.waiting import gone, until

RECORD = {
    "flight_id": 1,
    "carrier": "UA",
    "distance": 1400,
    "dep_delay": None,
    "departure": "2013-01-31T13:45:00",
}


@pytest.mark.slow
def test_bento_passes_its_service_checks(
    service: ServiceProcess, model: Model, flights: pd.DataFrame
):
    result = ServiceSmoke().judge(smoke_evidence(service, model, flights.tail(200)))

    assert result.verdict == "passed", result.details


def smoke_evidence(service: ServiceProcess, model: Model, holdout: pd.DataFrame) -> ServiceEvidence:
    return ServiceEvidence(
        service=service,
        records=client_records(holdout, list(model.inputs)),
        scores=model.scores(holdout),
        task=model.task,
        version="3",
        classes=model.classes,
    )


@pytest.fixture
def for_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Variables of a platform whose services ask for keys and keep journals."""
    file = tmp_path / "api_keys"
    new_key(file, "shop")
    found = {
        "ML_PLATFORM_API_KEYS_FILE": str(file),
        "ML_PLATFORM_JOURNAL": str(tmp_path / "journal"),
        "ML_PLATFORM_JOURNAL_URL": f"file://{tmp_path}/moved",
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.mark.parametrize("private", [True, False])
def test_only_a_service_for_clients_gets_their_keys_and_journal(
    for_clients: dict[str, str], tmp_path: Path, private: bool
):
    settings = Settings(
        home=tmp_path, data_url="", mlflow_url="", artifacts_url="", release_url="sqlite://"
    )
    fixed = ServiceProcess("flights:1", bentos=tmp_path, private=private)
    live = LiveServiceProcess("flights", settings, private=private)

    for number, service in enumerate((fixed, live)):
        scratch = tmp_path / str(number)
        scratch.mkdir()
        given = service._environment(scratch)
        assert for_clients.keys() & given.keys() == (set() if private else for_clients.keys())


@pytest.mark.slow
def test_checks_of_a_platform_with_api_keys_pass_and_are_not_journaled(
    bentos: Path, model: Model, flights: pd.DataFrame, for_clients: dict[str, str]
):
    with ServiceProcess("flight_delays:3", bentos=bentos, private=True) as service:
        result = ServiceSmoke().judge(smoke_evidence(service, model, flights.tail(20)))

    assert result.verdict == "passed", result.details
    assert not Path(for_clients["ML_PLATFORM_JOURNAL"]).exists()


@pytest.mark.slow
def test_bento_answers_each_route(service: ServiceProcess):
    health = service.get("/health")
    model = service.get("/model")
    answer = service.post("/predict", RECORD | {"prediction_id": "mine"})

    assert health.body == {"status": "ok", "model": NAME, "model_version": "3"}
    assert model.body["release"] == RELEASE
    assert model.body["classes"] == [0, 1]
    assert model.body["fields"]["distance"] == {
        "dtype": "int64",
        "nullable": False,
        "min": 17,
        "max": 5000,
        "needed": True,
    }
    assert model.body["fields"]["flight_id"]["needed"] is False
    assert model.body["journal"] == "off"
    posted = service.get("/openapi.json").body["paths"]["/predict"]["post"]
    assert "keeps no journal" in posted["responses"]["200"]["description"]
    assert answer.status == 200
    assert answer.body["prediction_id"] == "mine"
    assert 0 <= answer.body["probability"] <= 1
    assert [service.get(path).status for path in ("/livez", "/readyz", "/metrics")] == [200] * 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status", "field", "reason"),
    [
        (b"{", 400, None, "not_json"),
        (b'{"distance": NaN}', 400, None, "not_json"),
        ([RECORD], 400, None, "not_an_object"),
        (RECORD | {"distance": 5001}, 400, "distance", "out_of_range"),
        (RECORD | {"distance": "far"}, 400, "distance", "wrong_type"),
        (RECORD | {"distance": None}, 400, "distance", "null"),
        (RECORD | {"carrier": "ZZ"}, 400, "carrier", "not_allowed"),
        (RECORD | {"carrier": "U" * 2000}, 400, "carrier", "too_long"),
        (RECORD | {"tail": "N1"}, 400, "tail", "unknown_field"),
        ({}, 400, "carrier", "missing"),
        (b" " * 5_000_000, 413, None, "body_too_large"),
    ],
)
def test_bento_refuses_bad_input(
    service: ServiceProcess, body: object, status: int, field: str | None, reason: str
):
    reply = service.post("/predict", body)

    assert reply.status == status
    assert (reply.body["error"]["field"], reply.body["error"]["reason"]) == (field, reason)
    assert reply.body["error"]["allowed"]


@pytest.mark.slow
def test_batch_of_a_thousand_is_answered_and_one_more_is_refused(service: ServiceProcess):
    full = service.post("/predict-batch", {"records": [RECORD] * 1000})
    over = service.post("/predict-batch", {"records": [RECORD] * 1001})

    assert (full.status, len(full.body["predictions"])) == (200, 1000)
    assert (over.status, over.body["error"]["reason"]) == (400, "too_many")


@pytest.mark.slow
def test_worker_whose_transform_hangs_is_ended_and_another_answers(model: Model, tmp_path: Path):
    hangs = "    while frame['distance'].max() == 1400:\n        pass\n"
    (tmp_path / "features.py").write_text(FEATURES.replace("\n", f"\n{hangs}", 1))
    model.save(tmp_path / "model", folder_of_declaration=tmp_path)
    tag = build_bento(
        model_folder=tmp_path / "model",
        name=NAME,
        version=1,
        contract=CONTRACT,
        release=RELEASE,
        bentos=tmp_path,
        serving=ServingSpec(limits=LimitsSpec(hang_seconds=2)),
    )
    log = tmp_path / "log"
    with ServiceProcess(tag, bentos=tmp_path, log=log, timeout=60) as service:
        fine = RECORD | {"distance": 100}
        assert service.post("/predict", fine).status == 200
        with pytest.raises(ServiceUnavailable):
            service.post("/predict", RECORD)
        assert service.post("/predict", fine).status == 200

    assert "features.py" in log.read_text()


@pytest.mark.slow
def test_damaged_model_is_not_served_and_the_log_says_why(model_folder: Path, tmp_path: Path):
    tag = build_bento(
        model_folder=model_folder,
        name=NAME,
        version=1,
        contract=CONTRACT,
        release=RELEASE,
        bentos=tmp_path,
    )
    (bento_folder(tmp_path, NAME, 1) / "src" / "model" / "encoder.json").write_text("{}")

    with (
        pytest.raises(ServiceUnavailable, match=r"encoder\.json was changed after training"),
        ServiceProcess(tag, bentos=tmp_path),
    ):
        pytest.fail("it must not start")


def test_version_that_was_not_built_is_told_apart_from_one_with_the_same_beginning(bentos: Path):
    with (
        pytest.raises(ModelError, match=r"no Bento flight_delays:33 .*flight_delays:3\)"),
        ServiceProcess("flight_delays:33", bentos=bentos),
    ):
        pytest.fail("it must not start")


@pytest.mark.slow
def test_port_that_another_took_meanwhile_is_given_up_for_another(
    bentos: Path, monkeypatch: pytest.MonkeyPatch
):
    taken = socket.create_server(("127.0.0.1", 0))
    with taken, socket.create_server(("127.0.0.1", 0)) as free:
        first, second = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        ports = iter([first, second])
        monkeypatch.setattr("ml_platform.serving.process._free_port", lambda _: next(ports))
        with ServiceProcess("flight_delays:3", bentos=bentos) as service:
            assert service.port == second
            assert service.get("/health").body["model_version"] == "3"


@pytest.mark.slow
def test_port_that_was_asked_for_and_is_taken_is_no_service(bentos: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServiceUnavailable, match=f"(?s)port {port}:.*already in use"),
            ServiceProcess("flight_delays:3", bentos=bentos, port=port),
        ):
            pytest.fail("it must not start")


def test_service_that_is_not_there_does_not_answer(bentos: Path):
    stopped = ServiceProcess("flight_delays:3", bentos=bentos, port=9)
    with pytest.raises(ServiceUnavailable, match=r"GET http://127\.0\.0\.1:9/health"):
        stopped.get("/health")


def test_command_on_the_leash_ends_when_its_owner_is_killed(tmp_path: Path):
    file = tmp_path / "pid"
    sleeper = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    owner = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {leash.__file__!r}, sys.executable, '-c', "
        f"{sleeper!r}], stdin=subprocess.PIPE, start_new_session=True)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", owner])
    until(lambda: file.exists() and file.read_text(), "the sleeper's pid")

    process.send_signal(signal.SIGKILL)
    process.wait()

    assert until(lambda: gone(int(file.read_text())), "the sleeper to end")


def test_command_on_the_leash_gives_its_exit_status():
    command = [sys.executable, leash.__file__, sys.executable, "-c", "raise SystemExit(7)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.wait(10) == 7
