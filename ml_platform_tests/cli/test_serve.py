import socket

import pytest
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.cli.ports import LOOPBACK, choose_ports, require_free


def test_a_port_that_is_taken_is_one_line_before_anything_starts() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["serve", "m:1", "--port", str(port)])
    assert result.exit_code == ExitCode.UNAVAILABLE, result.output
    [line] = result.stderr.splitlines()
    assert line.startswith(f"error: cannot listen at port {port} of {LOOPBACK}: ")
    assert line.endswith("; name another, or 0 for a free one")


@pytest.mark.parametrize("port", ["65536", "99999", "-1"])
def test_a_port_that_no_address_has_is_a_wrong_call(port: str) -> None:
    result = CliRunner().invoke(main, ["serve", "m:1", f"--port={port}"])
    assert result.exit_code == ExitCode.USAGE
    assert "0<=x<=65535" in result.stderr


def test_a_free_port_stays_free_for_who_asked() -> None:
    [port] = choose_ports([0])
    require_free(LOOPBACK, port)
    require_free(LOOPBACK, 0)
    with socket.create_server((LOOPBACK, port)) as server:
        assert server.getsockname()[1] == port
