"""`ml-platform serve`: one model's inference service in this terminal."""

import json
import signal
from typing import TYPE_CHECKING

import click

from ml_platform.cli.cores import cores_at_hand
from ml_platform.cli.ports import require_free
from ml_platform.cli.supervision import interruptible
from ml_platform.exceptions import ServiceUnavailable, StoreError
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.serving.process import ServiceProcess


@click.command()
@click.argument("model", metavar="NAME[:VERSION]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen at; a free one unless given.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes that answer; as declared, or one for each core, unless given.",
)
@click.option("--json", "as_json", is_flag=True, help="Announce the address as JSON.")
def serve(model: str, host: str, port: int, workers: int | None, as_json: bool) -> None:
    """Serve a model under its release: champion, and candidate while there is one.

    Follows each promotion and rollback within a second, without a restart. NAME:VERSION serves
    that version as it is. Prints the address once the service answers, and serves until Ctrl-C.
    """
    from ml_platform.serving.live_process import LiveServiceProcess
    from ml_platform.serving.process import ServiceProcess

    settings = Settings.from_environment()
    name, _, version = model.partition(":")
    require_free(host, port)
    count = workers or declared_workers(name, settings, version) or cores_at_hand()
    log = settings.home / "logs" / f"serve_{name}_{port}.log"
    with interruptible([signal.SIGTERM, signal.SIGHUP]):
        service = (
            ServiceProcess(
                model, bentos=settings.bentos, host=host, port=port, workers=count, log=log
            )
            if version
            else LiveServiceProcess(name, settings, host=host, port=port, workers=count, log=log)
        )
        try:
            with service:
                click.echo(_announcement(_tag(model, service), service.url, service.pid, as_json))
                code = service.wait()
                raise ServiceUnavailable(
                    f"{model} ended with exit code {code}:\n{service.log_tail()}"
                )
        except KeyboardInterrupt:
            click.echo("stopped", err=True)


def declared_workers(name: str, settings: Settings, version: str = "") -> int | None:
    """Return how many workers the version, or the champion, declares; None for one a core.

    Raises NothingReleased when there is no champion. A release store that is away is no reason
    not to serve: then it is one a core.
    """
    from ml_platform.serving.live.bundles import declared_serving

    try:
        found = version or str(champion_of(name, settings))
    except StoreError:
        return None
    serving = declared_serving(settings.bentos, name, found)
    return serving.workers if serving else None


def champion_of(name: str, settings: Settings) -> int:
    """Return the version of a model that is live. Raises NothingReleased when there is none."""
    from ml_platform.release.store import SqlReleaseStore, champion

    return champion(SqlReleaseStore(settings.release_url), name)


def champions(settings: Settings) -> dict[str, int]:
    """Return the live version of each model that has one."""
    from ml_platform.release.store import SqlReleaseStore

    store = SqlReleaseStore(settings.release_url)
    found = {name: state.champion for name, state in store.states().items()}
    return {name: version for name, version in found.items() if version is not None}


def _tag(model: str, service: "ServiceProcess") -> str:
    """Name the version that answers."""
    if ":" in model:
        return model
    return f"{model}:{service.get('/health').body['model_version']}"


def _announcement(tag: str, url: str, pid: int, as_json: bool) -> str:
    if as_json:
        return json.dumps({"model": tag, "url": url, "pid": pid})
    return f"{tag} answers at {url}\n  POST {url}/predict    GET {url}/model    Ctrl-C stops"
