"""`ml-platform train`: take a model from its source through its gates to the deployed Bento."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ml_platform.cli.declared import declaration_of
from ml_platform.cli.exit_codes import ExitCode, exit_code_of_name
from ml_platform.cli.main import CommandError
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.component.run import RunOutcome


@click.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Train although nothing has changed.")
@click.option("--json", "as_json", is_flag=True, help="The outcome as JSON on stdout.")
@click.pass_context
def train(ctx: click.Context, name: str, force: bool, as_json: bool) -> None:
    """Train a model through its gates up to the deployed Bento.

    Unchanged data, code and configuration reuse the last version. Exit code 3 when a gate blocks;
    what was deployed before then stays deployed. The run shows in the Dagster UI like any other.
    """
    outcome = train_model(name, force=force)
    if as_json:
        click.echo(json.dumps(asdict(outcome), indent=2))
        ctx.exit(exit_code_of(outcome))
    require_success(outcome)
    click.echo(summary(outcome))


def train_model(name: str, *, force: bool) -> "RunOutcome":
    """Run the model's job in this process and tell its progress on stderr."""
    from ml_platform.cli.run_progress import reporting

    settings = Settings.from_environment()
    declaration = declaration_of(settings, name)  # before dagster is imported: errors at once
    from ml_platform.component.instance import open_instance
    from ml_platform.component.run import run_model

    with reporting() as report, open_instance(settings) as instance:
        return run_model(declaration, instance=instance, force=force, progress=report)


def exit_code_of(outcome: "RunOutcome") -> ExitCode:
    """Return the exit code that the outcome of a run means."""
    if outcome.success:
        return ExitCode.OK
    return ExitCode.BLOCKED if outcome.blocked else exit_code_of_name(outcome.error_type)


def require_success(outcome: "RunOutcome") -> None:
    """Raise CommandError, with all that a person should read, unless the run went well."""
    if not outcome.success:
        code = exit_code_of(outcome)
        what = f"{outcome.error_type}: {outcome.error}" if code is ExitCode.CRASH else outcome.error
        where = f"the run is {outcome.run_id} in the Dagster UI (ml-platform up)"
        raise CommandError(f"{what}\n{where}", code)


def summary(outcome: "RunOutcome") -> str:
    """Return what came of a successful run, in one line."""
    done = f"{outcome.bento} is deployed ({outcome.seconds:.1f} s)"
    if outcome.reused:
        return f"nothing has changed: version {outcome.version} is reused; {done}"
    return f"trained version {outcome.version}; {done}"
