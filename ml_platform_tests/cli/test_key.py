from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.serving.http.keys import ApiKeys


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    named = tmp_path / "keys"
    monkeypatch.setenv("ML_PLATFORM_API_KEYS_FILE", str(named))
    return named


def test_key_is_printed_once_and_works(file: Path):
    made = CliRunner().invoke(main, ["key", "new", "shop"])

    assert made.exit_code == 0
    assert ApiKeys(file).know(made.stdout.strip().encode())
    assert CliRunner().invoke(main, ["key", "list"]).stdout == "shop\n"


def test_revoked_key_is_gone(file: Path):
    key = CliRunner().invoke(main, ["key", "new", "shop"]).stdout.strip()

    assert CliRunner().invoke(main, ["key", "revoke", "shop"]).exit_code == 0

    assert not ApiKeys(file).know(key.encode())
    assert CliRunner().invoke(main, ["key", "revoke", "shop"]).exit_code != 0


def test_nothing_is_revoked_where_no_key_was_made(file: Path):
    told = CliRunner().invoke(main, ["key", "revoke", "shop"])

    assert told.exit_code == ExitCode.FAILED
    assert told.stderr == f"error: there is no file of API keys {file}\n"


def test_file_lies_under_the_home_unless_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ML_PLATFORM_API_KEYS_FILE", raising=False)
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path))

    made = CliRunner().invoke(main, ["key", "new", "shop"])

    assert (tmp_path / "api_keys").is_file()
    assert "ML_PLATFORM_API_KEYS_FILE=" in made.stderr
