"""`ml-platform demo`: the whole way, once, on real flights."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from ml_platform.settings import Settings

MODEL = "flight_delays"


@click.command()
@click.option("--model", default=MODEL, show_default=True, help="The model to show.")
def demo(model: str) -> None:
    """Train flight_delays, serve it, and ask it once.

    Run again, it reuses what has not changed and says so.
    """
    from ml_platform.cli.check import check_all
    from ml_platform.cli.declared import declaration_files
    from ml_platform.cli.train import require_success, summary, train_model
    from ml_platform.exceptions import DeclarationError

    settings = Settings.from_environment()
    for file, found in check_all(settings, declaration_files(settings, [model])).items():
        if found.problems:
            raise DeclarationError("\n".join(found.problems))
        click.echo(f"{model} is declared in {file}, and sound")
    click.echo(f"training {model} through Dagster; everything is kept in {settings.home}")
    outcome = train_model(model, force=False)
    require_success(outcome)
    click.echo(summary(outcome))
    _ask_once(model, outcome.bento or "", settings)
    _tell_where_to_look(model, outcome.version, settings)


def _ask_once(model: str, tag: str, settings: Settings) -> None:
    """Serve a Bento on a free port, send it the latest valid row, show its answer, stop it."""
    from ml_platform.exceptions import ServiceUnavailable
    from ml_platform.serving.process import ServiceProcess

    click.echo(f"serving {tag} ...")
    with ServiceProcess(tag, bentos=settings.bentos, private=True) as service:
        fields = service.get("/model").body["fields"]
        record = _latest_record(
            model, [name for name in fields if fields[name]["needed"]], settings
        )
        click.echo(f"POST {service.url}/predict\n{json.dumps(record, ensure_ascii=False)}")
        reply = service.post("/predict", record)
    if reply.status != 200:
        raise ServiceUnavailable(f"{tag} answered {reply.status}: {reply.body}")
    click.echo(f"answer: {json.dumps(reply.body, ensure_ascii=False)}")
    click.echo("the service is stopped again")


def _latest_record(model: str, fields: list[str], settings: Settings) -> dict[str, Any]:
    from ml_platform.data.snapshots import SnapshotStore
    from ml_platform.serving.client_records import client_records

    rows = SnapshotStore(settings.data_url).read(f"{model}/validated_data", columns=fields)
    return client_records(rows.tail(1), fields)[0]


def _tell_where_to_look(model: str, version: int | None, settings: Settings) -> None:
    me = own_command()
    report = settings.reports / model / f"v{version}" / "evaluation.html"
    click.echo(
        f"""
Where to look next:
  {me} up        Dagster UI, MLflow UI, reports and the service, in this terminal
  {me} status    every model: last run, version, verdicts, what is deployed
  {me} serve {model}    the service alone; its API is told in docs/http-api.md
  {me} init NAME --data FILE --target COL    a model of your own
  {report}    how good this one is"""
    )


def own_command() -> str:
    """Return how the user can call this command: by name where it is on the path."""
    name = "ml-platform"
    if shutil.which(name) is not None:
        return name
    file, here = Path(sys.executable).parent / name, Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
