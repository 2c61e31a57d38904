"""`ml-platform up`: everything in one terminal."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.ports import LOOPBACK, choose_ports
from ml_platform.cli.processes import Program
from ml_platform.cli.serve import champions
from ml_platform.cli.supervision import Supervisor, interruptible
from ml_platform.settings import Settings

DAGSTER_PORT, MLFLOW_PORT, REPORTS_PORT, FIRST_SERVICE_PORT = 3000, 5000, 3080, 3100
RELEASE_POLL_SECONDS = 5.0


@click.command()
@click.pass_context
def up(ctx: click.Context) -> None:
    """Start Dagster, MLflow UI, reports and inference services in this terminal.

    The inference service of each deployed model starts with the rest, and that of a model
    deployed later as soon as it is deployed. All listen on loopback, at their usual ports where
    these are free. Ctrl-C stops all; a program that dies is reported.
    """
    settings = Settings.from_environment()
    click.echo(f"stores are kept in {settings.home}")
    with interruptible([signal.SIGTERM, signal.SIGHUP]), Supervisor(click.echo) as supervisor:
        try:
            for program in platform_programs(settings):
                click.echo(f"starting {program.name:<20} {program.address or ''}".rstrip())
                supervisor.start(program)
            click.echo("Ctrl-C stops all")
            follow = follow_releases(supervisor, settings)
            supervisor.watch(follow, period=RELEASE_POLL_SECONDS)
        except KeyboardInterrupt:
            click.echo("\nstopping ...")
            return
    click.echo("error: every program has died", err=True)
    ctx.exit(ExitCode.UNAVAILABLE)


def platform_programs(settings: Settings) -> list[Program]:
    """Return the programs that run whatever is deployed; makes the stores that they read."""
    from ml_platform.component.instance import prepare_dagster_home
    from ml_platform.registry.embedded import create_once, sqlite_file

    dagster_home = prepare_dagster_home(settings)
    settings.reports.mkdir(parents=True, exist_ok=True)
    create_once(settings.mlflow_url, artifacts=str(settings.artifacts))
    dagster, mlflow, reports = choose_ports([DAGSTER_PORT, MLFLOW_PORT, REPORTS_PORT])
    python, logs = sys.executable, settings.home / "logs"
    environ = {
        "DAGSTER_HOME": str(dagster_home),
        "ML_PLATFORM_HOME": str(settings.home),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes for evaluations of LLMs
        "ML_PLATFORM_MLFLOW_ADDRESS": f"http://{LOOPBACK}:{mlflow}",
        "ML_PLATFORM_REPORTS_ADDRESS": f"http://{LOOPBACK}:{reports}",
    }
    where = ("-m", "ml_platform.definitions")

    def program(name: str, *command: str, port: int | None = None) -> Program:
        log = logs / f"{name.lower().replace(' ', '_')}.log"
        return Program(name, (python, "-m", *command), log, port, environ)

    programs = [
        program(
            "Dagster UI", "dagster_webserver", *where, "-h", LOOPBACK, "-p", str(dagster),
            port=dagster,
        ),
        program("Dagster daemon", "dagster._daemon", "run", *where),
        program(
            "reports", "http.server", str(reports), "--bind", LOOPBACK,
            "--directory", str(settings.reports), port=reports,
        ),
    ]  # fmt: skip
    if sqlite_file(settings.mlflow_url):  # else a server of its own stands behind the address
        server = ("mlflow", "server", "--backend-store-uri", settings.mlflow_url, "--workers", "1")
        artifacts = ("--default-artifact-root", str(settings.artifacts))
        at = ("--host", LOOPBACK, "--port", str(mlflow))
        programs.append(program("MLflow UI", *server, *artifacts, *at, port=mlflow))
    return programs


def follow_releases(supervisor: Supervisor, settings: Settings) -> Callable[[], None]:
    """Return a function that lets a service run for each champion, started anew when it changes."""
    serving: dict[str, int] = {}

    def follow() -> None:
        for name, version in champions(settings).items():
            if serving.get(name) == version:
                continue
            if name in serving:
                supervisor.stop(f"service {name}")
            serving[name] = version
            program = service_program(settings, name, version)
            click.echo(f"starting {program.name:<20} {program.address} (version {version})")
            supervisor.start(program)

    return follow


def service_program(settings: Settings, name: str, version: int) -> Program:
    """Return the inference service of one version."""
    [port] = choose_ports([FIRST_SERVICE_PORT])
    command = (
        sys.executable,
        "-m",
        "ml_platform",
        "serve",
        f"{name}:{version}",
        "--port",
        str(port),
    )
    log: Path = settings.home / "logs" / f"service_{name}.log"
    environ = {"ML_PLATFORM_HOME": str(settings.home)}
    return Program(f"service {name}", command, log, port, environ)
