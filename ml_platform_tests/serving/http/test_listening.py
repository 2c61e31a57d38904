"""Which sockets of a process can be reached from another machine."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ml_platform.serving.http.listening import beyond_loopback


@contextmanager
def bound(host: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> Iterator[socket.socket]:
    """A socket on a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as made:
        try:
            made.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        yield made


def alone(monkeypatch: pytest.MonkeyPatch, made: socket.socket) -> None:
    """Let it be the one open file of this process, whatever other tests have open."""
    monkeypatch.setattr(os, "listdir", lambda path: [str(made.fileno())])


@pytest.mark.parametrize(
    ("host", "beyond"),
    [("127.0.0.1", False), ("127.0.0.2", False), ("::1", False), ("0.0.0.0", True), ("::", True)],
)
def test_socket_that_listens_is_told_by_its_address(
    monkeypatch: pytest.MonkeyPatch, host: str, beyond: bool
):
    with bound(host) as made:
        made.listen()
        alone(monkeypatch, made)
        assert beyond_loopback() is beyond
        assert made.fileno() >= 0, "it is only looked at"
        with socket.create_connection(made.getsockname()[:2], timeout=10):
            pass


def test_socket_is_found_among_all_that_is_open():
    with bound("127.0.0.1") as first, bound("0.0.0.0") as second:
        first.listen()
        second.listen()
        assert beyond_loopback()


def test_looking_leaves_all_that_is_open_as_it_was():
    out, into = os.pipe()
    with bound("127.0.0.1") as made, open(os.devnull) as file:
        made.listen()
        before = os.listdir("/dev/fd")
        beyond_loopback()
        assert os.listdir("/dev/fd") == before
        assert file.read() == ""
    os.close(into)
    with open(out) as pipe:
        assert pipe.read() == "", "whoever reads from it hears its end"


def test_what_does_not_listen_is_not_reached(monkeypatch: pytest.MonkeyPatch):
    with bound("0.0.0.0") as silent, bound("0.0.0.0", socket.SOCK_DGRAM) as datagrams:
        for made in (silent, datagrams):
            alone(monkeypatch, made)
            assert not beyond_loopback()


def test_files_that_cannot_be_listed_count_as_reached(monkeypatch: pytest.MonkeyPatch):
    def refuse(path: str) -> list[str]:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert beyond_loopback()
