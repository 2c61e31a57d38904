"""`ml-platform up`: everything in one terminal."""

import signal
import sys
from collections.abc import Mapping

import click

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.ports import LOOPBACK, choose_ports
from ml_platform.cli.processes import Program
from ml_platform.cli.serve import champions, declared_workers
from ml_platform.cli.supervision import Supervisor, interruptible
from ml_platform.exceptions import StoreError
from ml_platform.settings import Settings

DAGSTER_PORT, MLFLOW_PORT, REPORTS_PORT, STATUS_PORT = 3000, 5000, 3080, 3090
FIRST_SERVICE_PORT = 3100
RELEASE_POLL_SECONDS = 5.0


@click.command()
@click.pass_context
def up(ctx: click.Context) -> None:
    """Start Dagster, MLflow UI, reports and inference services in this terminal.

    A status page shows every model at a glance. The inference service of each deployed model
    starts with the rest, and that of a model deployed later as soon as it is. All listen on
    loopback, at their usual ports where these are free. Ctrl-C stops all; a program that dies is
    reported.
    """
    settings = Settings.from_environment()
    click.echo(f"stores are kept in {settings.home}")
    with interruptible([signal.SIGTERM, signal.SIGHUP]), Supervisor(click.echo) as supervisor:
        try:
            for program in platform_programs(settings):
                click.echo(f"starting {program.name:<20} {program.address or ''}".rstrip())
                supervisor.start(program)
            click.echo("Ctrl-C stops all")
            services = Services(supervisor, settings)
            supervisor.watch(services.follow, period=RELEASE_POLL_SECONDS)
        except KeyboardInterrupt:
            click.echo("\nstopping ...")
            return
    click.echo("error: every program has died", err=True)
    ctx.exit(ExitCode.UNAVAILABLE)


def platform_programs(settings: Settings) -> list[Program]:
    """Return the programs that run whatever is deployed; makes the stores that they read."""
    from ml_platform.component.instance import open_instance, prepare_dagster_home
    from ml_platform.evaluation.data_docs import write_index
    from ml_platform.registry.embedded import create_once, sqlite_file

    dagster_home = prepare_dagster_home(settings)
    with open_instance(settings):
        pass  # Dagster's tables are made, before webserver and daemon both try
    write_index(settings.reports)
    create_once(settings.mlflow_url, artifacts=settings.artifacts_url)
    usual = [DAGSTER_PORT, MLFLOW_PORT, REPORTS_PORT, STATUS_PORT]
    dagster, mlflow, reports, status = choose_ports(usual)
    own_mlflow = sqlite_file(settings.mlflow_url) is not None  # else a server is there already
    environ = {
        "DAGSTER_HOME": str(dagster_home),
        "ML_PLATFORM_REPORTS_ADDRESS": f"http://{LOOPBACK}:{reports}",
        "ML_PLATFORM_DAGSTER_ADDRESS": f"http://{LOOPBACK}:{dagster}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes for evaluations of LLMs
    }
    if own_mlflow:
        environ["ML_PLATFORM_MLFLOW_ADDRESS"] = f"http://{LOOPBACK}:{mlflow}"
    programs = [
        _program("Dagster UI", _webserver(dagster), settings, environ, port=dagster),
        _program("Dagster daemon", ("dagster._daemon", "run", *_DEFS), settings, environ),
        _program("reports", _file_server(reports, settings), settings, environ, port=reports),
        _program("status page", _status_page(status), settings, environ, port=status),
    ]
    if own_mlflow:
        command = _mlflow_server(mlflow, settings)
        programs.append(_program("MLflow UI", command, settings, environ, port=mlflow))
    return programs


_DEFS = ("-m", "ml_platform.definitions")


def _webserver(port: int) -> tuple[str, ...]:
    return ("dagster_webserver", *_DEFS, "-h", LOOPBACK, "-p", str(port))


def _file_server(port: int, settings: Settings) -> tuple[str, ...]:
    return ("http.server", str(port), "--bind", LOOPBACK, "--directory", str(settings.reports))


def _status_page(port: int) -> tuple[str, ...]:
    return ("ml_platform.cli.status_page", "--port", str(port))


def _mlflow_server(port: int, settings: Settings) -> tuple[str, ...]:
    stores = ("--backend-store-uri", settings.mlflow_url)
    artifacts = ("--default-artifact-root", settings.artifacts_url)
    at = ("--host", LOOPBACK, "--port", str(port), "--workers", "1")
    return ("mlflow", "server", *stores, *artifacts, *at)


def _program(
    name: str,
    module: tuple[str, ...],
    settings: Settings,
    environ: Mapping[str, str] | None = None,
    *,
    port: int | None = None,
) -> Program:
    log = settings.home / "logs" / f"{name.lower().replace(' ', '_')}.log"
    home = {"ML_PLATFORM_HOME": str(settings.home)}
    return Program(name, (sys.executable, "-m", *module), log, port, {**home, **(environ or {})})


class Services:
    """The inference services of what is deployed, one a model, each at a port of its own."""

    def __init__(self, supervisor: Supervisor, settings: Settings) -> None:
        self._supervisor = supervisor
        self._settings = settings
        self._started: set[str] = set()

    def follow(self) -> None:
        """Start the service of each model that has its first champion; it follows the others."""
        try:
            live = champions(self._settings)
        except StoreError as error:  # what serves goes on serving
            click.echo(f"error: {error}", err=True)
            return
        for name, version in live.items():
            if name not in self._started:
                self._start(name, version)
                self._started.add(name)

    def _start(self, name: str, version: int) -> None:
        [port] = choose_ports([FIRST_SERVICE_PORT + len(self._started)])
        command = ("ml_platform", "serve", name, "--port", str(port))
        if declared_workers(name, self._settings, str(version)) is None:
            command = (*command, "--workers", "1")  # the machine is shared by all models
        program = _program(f"service {name}", command, self._settings, port=port)
        click.echo(f"starting {program.name:<20} {program.address} (version {version})")
        self._supervisor.start(program)
