"""`ml-platform card`: the model card of a version."""

from pathlib import Path
from typing import Literal

import click

from ml_platform.clock import utc_now
from ml_platform.exceptions import StoreError
from ml_platform.settings import Settings


@click.command()
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1), required=False)
@click.option(
    "--format", "form", type=click.Choice(["html", "md"]), help="By the file's ending, else md."
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Else stdout.")
def card(
    name: str, version: int | None, form: Literal["html", "md"] | None, output: Path | None
) -> None:
    """Write the model card of a version, by default of the champion.

    Intended use, limits, training data, metrics with intervals, slices, sensitive attributes,
    the release certificate with its waivers, and the contract, from what the stores hold.
    """
    from ml_platform.component.card import card_of
    from ml_platform.component.platform import Platform
    from ml_platform.data.page import page_html, page_markdown

    page = card_of(Platform(Settings.from_environment()), name, version, now=utc_now())
    ending = output.suffix.lower() if output else ""
    as_html = form == "html" or (form is None and ending in (".html", ".htm"))
    text = page_html(page) if as_html else page_markdown(page)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{output} cannot be written: {error}") from error
    click.echo(f"wrote {output}", err=True)
