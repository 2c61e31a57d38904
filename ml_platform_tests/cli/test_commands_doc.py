from pathlib import Path

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import COMMANDS

DOC = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")


def test_every_exit_code_is_documented():
    for code in ExitCode:
        assert f"| {code.value} | {code.name} |" in DOC


def test_every_command_is_documented():
    for name in COMMANDS:
        assert f"\n## {name}\n" in DOC
