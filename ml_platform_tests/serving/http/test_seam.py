import pytest
import uvicorn
from uvicorn import config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ml_platform.serving.http import seam


@pytest.fixture(autouse=True)
def protocols(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "HTTP_PROTOCOLS", dict(config.HTTP_PROTOCOLS))


def chosen() -> type:
    made = uvicorn.Config(lambda: None, log_config=None)
    made.load()
    return made.http_protocol_class


def test_uvicorn_is_as_the_seam_expects():
    assert seam.difference() is None


def test_server_made_after_the_service_takes_our_protocol(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(seam.VARIABLE, raising=False)

    assert seam.install(lambda: None)

    assert chosen().__name__ == "HotProtocol"
    assert issubclass(chosen(), HttpToolsProtocol)


def test_setting_leaves_uvicorn_as_it_is(monkeypatch: pytest.MonkeyPatch):
    before = chosen()
    monkeypatch.setenv(seam.VARIABLE, "off")

    assert not seam.install(lambda: None)

    assert chosen() is before


@pytest.mark.parametrize(("asked", "traced"), [("", False), ("unsampled", True)])
def test_sampled_requests_are_passed_on_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: str, traced: bool
):
    monkeypatch.setenv(seam.VARIABLE, asked)

    assert seam.install(lambda: None)

    assert vars(chosen())["traced"] is traced


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda self: None, "uvicorn's on_body takes self"),
        (None, "uvicorn's protocol has no on_body"),
    ],
)
def test_other_uvicorn_is_left_alone_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, change: object, told: str
):
    monkeypatch.delenv(seam.VARIABLE, raising=False)
    monkeypatch.setattr(HttpToolsProtocol, "on_body", change)
    before = chosen()

    assert not seam.install(lambda: None)

    assert chosen() is before
    assert told in caplog.text
