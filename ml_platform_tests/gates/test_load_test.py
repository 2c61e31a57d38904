import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest

from ml_platform.gates.evidence import ServiceEvidence
from ml_platform.gates.gate import GATES
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate
from ml_platform_tests.json_handler import JsonHandler

RECORDS = [{"x": float(i)} for i in range(7)]


class Answers(JsonHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        bad = self.path != "/predict" or self.content()["x"] == self.server.refused
        self.reply(503 if bad else 200, {"error": "no"} if bad else {"prediction": 1})


class Server(ThreadingHTTPServer):
    request_queue_size = 100


@pytest.fixture
def server():
    server = Server(("127.0.0.1", 0), Answers)
    server.refused = None
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def evidence(url, records=RECORDS):
    return ServiceEvidence(
        service=None,
        records=records,
        scores=np.zeros(len(records)),
        task=Task.BINARY,
        version="1",
        url=url,
    )


def gate(**fields):
    return GATES.parse({"type": "load_test", "requests": 70, "concurrency": 5, **fields})


def url_of(server):
    return f"http://127.0.0.1:{server.server_port}"


def test_service_that_answers_in_time_passes(server) -> None:
    result = check_gate(gate(p95_ms=5000), evidence(url_of(server)), verdict="passed").result
    assert result.rows == 70
    assert result.details["error_rate"] == 0
    assert "requests a second" in result.reason


def test_slow_service_fails(server) -> None:
    reason = check_gate(gate(p95_ms=1e-3), evidence(url_of(server)), verdict="failed").result.reason
    assert "above the bound 0.001 ms" in reason


def test_errors_are_counted_and_the_first_is_told(server) -> None:
    server.refused = 3.0
    result = check_gate(gate(p95_ms=5000), evidence(url_of(server)), verdict="failed").result
    assert '10 of 70 requests by 5 clients got no prediction; the first: 503 {"error"' in (
        result.reason
    )
    assert (result.value, result.bound, result.rows) == (10 / 70, 0, 70)
    check_gate(gate(p95_ms=5000, max_error_rate=0.2), evidence(url_of(server)), verdict="passed")


def test_service_that_is_gone_fails() -> None:
    result = check_gate(gate(), evidence("http://127.0.0.1:9"), verdict="failed").result
    assert result.value == result.details["error_rate"] == 1


def test_no_address_or_no_record_is_inconclusive(server) -> None:
    check_gate(gate(), evidence(""), verdict="inconclusive")
    check_gate(gate(), evidence(url_of(server), records=[]), verdict="inconclusive")
