"""What a training run says while it goes on."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ml_platform.component.run import Progress

ASSETS = ("raw_data", "validated_data", "trained_model", "evaluation_report", "deployed_bento")


class Reporter:
    """Turns the events of a run into lines: one a step, one a verdict.

    live: on a terminal, gets the text of what goes on right now.
    """

    def __init__(self, tell: Callable[[str], None], live: Callable[[str], None] | None) -> None:
        self._tell = tell
        self._live = live
        self._began = time.monotonic()

    def __call__(self, event: "Progress") -> None:
        """Take one event of the run."""
        if event.kind == "started":
            self._began = time.monotonic()
            self._say_now(event.asset, "")
        elif event.kind == "log":
            self._say_now(event.asset, event.text)
        elif event.kind == "check":
            mark = event.verdict.upper() if event.blocks else event.verdict
            self._tell(f"  {mark}  {event.text}")
        elif event.kind == "materialized":
            took = f"{_numbered(event.asset)}  {time.monotonic() - self._began:.1f} s"
            self._tell(f"{took}  {event.text}".rstrip())

    def _say_now(self, asset: str, text: str) -> None:
        line = f"{_numbered(asset)}  {text}".rstrip()
        if self._live is not None:
            self._live(line)
        elif text:
            self._tell(line)


@contextmanager
def reporting() -> Iterator[Reporter]:
    """Give a reporter: with a live line on a terminal, in plain lines elsewhere; on stderr."""
    if not sys.stderr.isatty():
        yield Reporter(lambda line: click.echo(line, err=True), None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    what = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), what, BarColumn(20), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=len(ASSETS))

        def live(line: str) -> None:
            place = int(line[0]) - 1 if line[:1].isdigit() else 0
            progress.update(task, description=line, completed=place)

        yield Reporter(lambda line: console.print(line, markup=False), live)


def _numbered(asset: str) -> str:
    place = f"{ASSETS.index(asset) + 1}/{len(ASSETS)} " if asset in ASSETS else ""
    return f"{place}{asset}"
