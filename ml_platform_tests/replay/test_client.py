"""The caller of a replay against a real HTTP server of a few lines."""

from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from ml_platform.exceptions import ServiceUnavailable
from ml_platform.replay.client import Client
from ml_platform_tests.json_handler import JsonHandler


class Service(JsonHandler):
    """Predicts x for x >= 0, refuses below, takes labels of a prediction id."""

    protocol_version = "HTTP/1.1"
    labels: list[dict[str, Any]]

    def do_POST(self) -> None:
        content = self.content()
        if self.path == "/feedback":
            type(self).labels += content
            self.reply(202 if all("label" in label for label in content) else 400, {})
        elif content["x"] < 0:
            self.reply(400, {"error": {"reason": "out_of_range"}})
        else:
            self.reply(200, {"prediction": content["x"], "model_version": "1"})


@pytest.fixture
def url() -> Iterator[str]:
    Service.labels = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_answers_come_in_the_order_of_the_records(url: str) -> None:
    client = Client(url, connections=3)
    answers = client.predict([{"x": x} for x in range(50)])
    client.close()
    assert [answer and answer["prediction"] for answer in answers] == list(range(50))
    assert client.tally.predictions == 50
    assert client.tally.versions == {"1": 50}


def test_refusals_are_counted_by_reason(url: str) -> None:
    client = Client(url)
    assert client.predict([{"x": -1}, {"x": 2}])[0] is None
    client.close()
    assert client.tally.refused == {"out_of_range": 1}


def test_every_label_is_delivered_once(url: str) -> None:
    client = Client(url)
    client.tell([{"prediction_id": str(i), "label": i} for i in range(25)], at_once=10)
    client.close()
    assert sorted(label["label"] for label in Service.labels) == list(range(25))
    assert client.tally.labels == 25


def test_labels_that_are_not_taken_are_an_error(url: str) -> None:
    client = Client(url)
    with pytest.raises(ServiceUnavailable, match="POST /feedback: 400"):
        client.tell([{"prediction_id": "1"}])
    client.close()


def test_a_service_that_is_away_is_an_error() -> None:
    client = Client("http://127.0.0.1:1")
    with pytest.raises(ServiceUnavailable, match="/predict"):
        client.predict([{"x": 1}])
    client.close()
