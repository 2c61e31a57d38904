"""Say what goes on: a live line on a terminal, plain lines anywhere else."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Step = Callable[[str], None]


@contextmanager
def steps() -> Iterator[Step]:
    """Give a function that takes the name of the step that begins.

    On a terminal a spinner runs with the step's name and its time so far, and each step leaves a
    line with its time behind; elsewhere each step is a line when it begins. All goes to stderr,
    so that stdout holds results only.
    """
    if sys.stderr.isatty():
        with _live() as step:
            yield step
    else:
        yield lambda name: click.echo(f"{name} ...", err=True)


@contextmanager
def _live() -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    what = TextColumn("{task.description}", markup=False)  # a name may hold brackets
    columns = (SpinnerColumn(), what, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        began = time.monotonic()
        current: list[str] = []

        def close() -> None:
            if current:
                took = f" {time.monotonic() - began:.1f} s"
                progress.console.print(Text.assemble(current[0], (took, "dim")))

        def step(name: str) -> None:
            nonlocal began
            close()
            began = time.monotonic()
            current[:] = [name]
            for task in progress.task_ids:
                progress.remove_task(task)
            progress.add_task(name, total=None)

        yield step
        close()
