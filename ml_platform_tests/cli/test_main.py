import gc
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode, exit_code_of
from ml_platform.cli.main import COMMANDS, LazyGroup, main
from ml_platform.exceptions import (
    ContractViolation,
    DeclarationError,
    DeploymentRefused,
    NothingReleased,
    SourceError,
    StoreError,
    UnknownPlugin,
)
from ml_platform.garbage import NEW_OBJECTS


def test_help_lists_every_command_and_imports_none():
    code = (
        "import sys; from ml_platform.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'numpy', 'dagster', 'mlflow', 'pydantic'} & set(sys.modules)\n"
        "raise SystemExit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_in_the_list_is_that_of_the_command(name):
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert (command.help or "").partition("\n")[0] == COMMANDS[name]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DeclarationError("x"), ExitCode.USAGE),
        (UnknownPlugin("gate", "x", ["y"]), ExitCode.USAGE),
        (ContractViolation("x"), ExitCode.BLOCKED),
        (DeploymentRefused("x"), ExitCode.BLOCKED),
        (StoreError("x"), ExitCode.UNAVAILABLE),
        (SourceError("x"), ExitCode.UNAVAILABLE),
        (NothingReleased("x", ()), ExitCode.FAILED),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error, code):
    assert exit_code_of(error) is code


def test_an_error_of_ours_is_one_line_a_problem_and_no_traceback():
    result = CliRunner().invoke(failing_group(StoreError("first\nsecond")), ["check"])
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert result.stderr == "error: first\nerror: second\n"


def test_ctrl_c_has_its_own_exit_code():
    result = CliRunner().invoke(failing_group(KeyboardInterrupt()), ["check"])
    assert result.exit_code == ExitCode.INTERRUPTED


def test_an_unknown_command_is_a_usage_error():
    assert CliRunner().invoke(main, ["nothing"]).exit_code == ExitCode.USAGE


def test_a_command_searches_for_garbage_seldom() -> None:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    try:
        CliRunner().invoke(main, ["check", "--help"])
        assert gc.get_threshold()[0] == NEW_OBJECTS
    finally:
        gc.set_threshold(*before)


def failing_group(error: BaseException) -> click.Group:
    @click.command()
    def check() -> None:
        raise error

    class Failing(LazyGroup):
        def get_command(self, ctx, cmd_name):
            return check

    return Failing(name="ml-platform")
