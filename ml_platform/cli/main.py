"""The command `ml-platform`; each subcommand is a file of its own, imported when it is called."""

from importlib import import_module
from typing import Any

import click

from ml_platform import __version__
from ml_platform.cli.exit_codes import ExitCode, exit_code_of
from ml_platform.exceptions import MLPlatformError
from ml_platform.garbage import search_seldom

# The summary stands here too, so that `--help` imports no command; a test holds the two together.
COMMANDS = {
    "init": "Declare a model from a data file.",
    "check": "Check the declared models without starting anything.",
    "train": "Train a model through its gates up to the deployed Bento.",
    "serve": "Serve a model under its release: champion, and candidate while there is one.",
    "score": "Score rows by the champion, or by the version asked for.",
    "status": "Show every model: last run, version, gate verdicts, what is deployed.",
    "incidents": "Show every open incident, or the latest 50 of a model, open and over.",
    "alerts": "Try whether messages about a model arrive.",
    "key": "Make, list and revoke API keys of the inference services.",
    "ingest": "Move what services logged into the inference tables, now.",
    "feedback": "Bring labels in from a file, join them to predictions, see what they say.",
    "lineage": "Trace a prediction back to version, runs, data, commit, contract and certificate.",
    "approve": "Let a candidate go on that waits for approval.",
    "reject": "Take the candidate out; the champion answers everything.",
    "hold": "Keep the candidate where it is; harm still takes it back.",
    "resume": "Let a held candidate go on.",
    "promote": "Make the candidate champion at once, whatever step it is at.",
    "rollback": "Make the last good version answer everything, and prove it.",
    "history": "Show every transition of a model, or what was in production at a time.",
    "certificate": "Print the release certificate of a version, by default of the latest.",
    "waive": "Let a version pass a gate that failed, with a name, a reason and an end.",
    "baseline": "Show the accepted baseline of a model, or accept another.",
    "benchmark": "Show the frozen benchmarks of a model, or freeze one again.",
    "calibrate": "Propose what gates tolerate from how far equal models come out apart.",
    "reproduce": "Rebuild a registered version from its certificate and compare it bit for bit.",
    "card": "Write the model card of a version, by default of the champion.",
    "replay": "Let a model's past rows happen to a platform of their own, and report what it did.",
    "import-expectations": "Turn a Great Expectations suite into a contract.",
    "up": "Start Dagster, MLflow UI, reports and inference services in this terminal.",
    "demo": "Train flight_delays, serve it, and ask it once.",
}


class CommandError(click.ClickException):
    """An error that is shown to the user, a line a problem, with an exit code of its own."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        # click declares it for the class and reads it from the instance
        self.exit_code = int(code)  # pyright: ignore[reportAttributeAccessIssue]

    def show(self, file: Any = None) -> None:
        """Write `error: ...` to stderr."""
        for line in self.message.splitlines():
            click.echo(f"error: {line}", err=True, file=file)


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is called, and turns our errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `ml_platform.cli.<name>`, with _ for -, and return its command of that name."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        return getattr(import_module(f"ml_platform.cli.{name}"), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand."""
        search_seldom()
        try:
            return super().invoke(ctx)
        except MLPlatformError as error:
            raise CommandError(str(error), exit_code_of(error)) from error
        except KeyboardInterrupt as error:
            raise CommandError("interrupted", ExitCode.INTERRUPTED) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ml-platform")
def main() -> None:
    """Take a tabular model from one YAML to a gated, served and retrained release.

    Stores lie under ML_PLATFORM_HOME (default ~/.ml_platform); models are found in
    ml_platform/defs and in the folders of ML_PLATFORM_MODELS.
    """
