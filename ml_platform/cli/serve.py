"""`ml-platform serve`: one model's inference service in this terminal."""

import json
import signal

import click

from ml_platform.cli.supervision import interruptible
from ml_platform.exceptions import ServiceUnavailable
from ml_platform.settings import Settings


@click.command()
@click.argument("model", metavar="NAME[:VERSION]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=0, help="Port to listen at; a free one unless given.")
@click.option("--workers", default=1, show_default=True, help="Processes that answer.")
@click.option("--json", "as_json", is_flag=True, help="Announce the address as JSON.")
def serve(model: str, host: str, port: int, workers: int, as_json: bool) -> None:
    """Serve a model's champion, or the version asked for.

    Prints the address once the service answers, and serves until Ctrl-C.
    """
    from ml_platform.serving.process import ServiceProcess

    settings = Settings.from_environment()
    name, _, version = model.partition(":")
    tag = f"{name}:{version or champion_of(name, settings)}"
    log = settings.home / "logs" / f"serve_{name}_{port}.log"
    with interruptible([signal.SIGTERM, signal.SIGHUP]):
        service = ServiceProcess(
            tag, bentos=settings.bentos, host=host, port=port, workers=workers, log=log
        )
        try:
            with service:
                click.echo(_announcement(tag, service.url, service.pid, as_json))
                code = service.wait()
                raise ServiceUnavailable(
                    f"{tag} ended with exit code {code}:\n{service.log_tail()}"
                )
        except KeyboardInterrupt:
            click.echo("stopped", err=True)


def champion_of(name: str, settings: Settings) -> int:
    """Return the version of a model that is live. Raises NothingReleased when there is none."""
    from ml_platform.release.store import SqlReleaseStore, champion

    return champion(SqlReleaseStore(settings.release_url), name)


def champions(settings: Settings) -> dict[str, int]:
    """Return the live version of each model that has one."""
    from ml_platform.release.store import SqlReleaseStore

    store = SqlReleaseStore(settings.release_url)
    found = {name: store.state(name).champion for name in store.models()}
    return {name: version for name, version in found.items() if version is not None}


def _announcement(tag: str, url: str, pid: int, as_json: bool) -> str:
    if as_json:
        return json.dumps({"model": tag, "url": url, "pid": pid})
    return f"{tag} answers at {url}\n  POST {url}/predict    GET {url}/model    Ctrl-C stops"
