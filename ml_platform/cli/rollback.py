"""`ml-platform rollback`: the last good version answers everything, in a second."""

import getpass
from typing import TYPE_CHECKING

import click

from ml_platform.cli import said
from ml_platform.cli.release_command import show_aliases
from ml_platform.clock import utc_now
from ml_platform.exceptions import ServiceUnavailable
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.serving.roll_back import Proof, Rollback


@click.command()
@click.argument("model", metavar="NAME")
@click.option("--to", type=int, help="The version; by default the last good one.")
@click.option("--reason", type=said.text, required=True, help="Why, for those who read it later.")
@click.option(
    "--by", type=said.text, default=None, help="Who orders it; by default the user of this machine."
)
@click.option("--json", "as_json", is_flag=True, help="What changed and its proof as JSON.")
def rollback(model: str, to: int | None, reason: str, by: str | None, as_json: bool) -> None:
    """Make the last good version answer everything, and prove it.

    A candidate under way is taken out; without one the champion gives way to the one before it.
    Waits until every worker of the service follows, then asks the service, with the API key in
    ML_PLATFORM_API_KEY where it wants one. Exit code 4 when it is rolled back but some worker or
    service could not be shown to follow; with --to the version it is rolled back to already, this
    is proven again and nothing changes.
    """
    from ml_platform.data.handles import HandleStore
    from ml_platform.release.store import SqlReleaseStore
    from ml_platform.serving.examples import kept_example
    from ml_platform.serving.roll_back import prove, roll_back
    from ml_platform.serving.smoke import configured_key

    settings = Settings.from_environment()
    store = SqlReleaseStore(settings.release_url)
    done = roll_back(
        store,
        model,
        to=to,
        by=by or getpass.getuser(),
        reason=reason,
        now=utc_now(),
        bentos=settings.bentos,
    )
    assert done.after.champion is not None
    example = kept_example(HandleStore(f"{settings.data_url}/handles"), model, done.after.champion)
    proof = prove(store, done.after, example=example, now=utc_now, key=configured_key())
    _show(model, done, proof, as_json=as_json)
    show_aliases(settings, done.after)
    if not proof.holds:
        raise ServiceUnavailable(f"{model} is rolled back, but see above: {done.unproven}")


def _show(model: str, done: "Rollback", proof: "Proof", *, as_json: bool) -> None:
    if as_json:
        import json

        both = {"rollback": done.model_dump(mode="json"), "proof": proof.model_dump(mode="json")}
        click.echo(json.dumps({**both, "proven": proof.holds and bool(proof.workers)}, indent=2))
        return
    click.echo(f"{model}: {done.summary}")
    for version, trouble in done.passed_over.items():
        click.echo(f"  version {version} was passed over: {trouble}")
    for line in proof.lines():
        click.echo(f"  {line}")
