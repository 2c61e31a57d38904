"""A page of sections, sentences and tables, as Markdown or as HTML that needs nothing beside it."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 65rem; padding: 1rem;
       overflow-wrap: break-word }
h1 { font-size: 1.6rem; line-height: 1.25 } h2 { font-size: 1.2rem; margin: 2rem 0 .3rem }
table { border-collapse: collapse; margin: .5rem 0 1rem }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8884; text-align: left;
         vertical-align: top }
th { font-weight: 600 }
td { font-variant-numeric: tabular-nums }
figure { margin: 1rem 0 } figcaption { font-size: .9rem } svg { max-width: 100%; height: auto }
.wide { overflow-x: auto; overflow-wrap: normal }
.good { color: #1a7f42 } .bad { color: #c0392b } .unsure { color: #a86400 }
.tone { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  body { background: #14181d; color: #dfe5ec } a { color: #8ab8ff }
  .good { color: #57c785 } .bad { color: #ff8a7a } .unsure { color: #f0b35a }
}
"""

TONES = {"passed": "good", "failed": "bad", "inconclusive": "unsure", "waived": "unsure"}
"""Words that a page shows in a colour."""


@dataclass(frozen=True)
class Link:
    """A text that leads somewhere; the address is relative to the page, or absolute."""

    text: str
    address: str


Cell = str | Link


@dataclass(frozen=True)
class Table:
    """Rows of cells below a head; without a head the first cell of a row names the rest."""

    rows: Sequence[Sequence[Cell]]
    head: Sequence[str] = ()


@dataclass(frozen=True)
class Picture:
    """A picture as SVG, which stands in the page itself, and what it shows."""

    svg: str
    caption: str

    @property
    def address(self) -> str:
        """The picture as an address that holds all of it."""
        return f"data:image/svg+xml;base64,{b64encode(self.svg.encode()).decode()}"


Block = str | Link | Table | Picture | tuple[str, ...]
"""A paragraph, a link alone, a table, a picture, or a list of points."""


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A title, what stands at once below it, and sections."""

    title: str
    lead: Sequence[Block] = ()
    sections: Sequence[Section] = field(default_factory=tuple[Section, ...])


def facts(values: Mapping[str, Cell | None]) -> Table:
    """A table of named values; those of None or no text are left out."""
    return Table([(name, value) for name, value in values.items() if value])


def page_html(page: Page) -> str:
    """Write the page as HTML, for a screen of any width."""
    body = [f"<h1>{escape(page.title)}</h1>", *map(_block_html, page.lead)]
    for section in page.sections:
        body += [f"<h2>{escape(section.title)}</h2>", *map(_block_html, section.blocks)]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(page.title)}</title><style>{STYLE}</style></head><body>",
            *body,
            "</body></html>\n",
        ]
    )


def page_markdown(page: Page) -> str:
    """Write the page as Markdown."""
    parts = [f"# {_plain(page.title)}", *map(_block_markdown, page.lead)]
    for section in page.sections:
        parts += [f"## {_plain(section.title)}", *map(_block_markdown, section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block_html(block: Block) -> str:
    if isinstance(block, tuple):
        return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block)}</ul>"
    if isinstance(block, Picture):
        return f"<figure>{block.svg}<figcaption>{escape(block.caption)}</figcaption></figure>"
    if not isinstance(block, Table):
        return f"<p>{_text_html(block)}</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in block.head)
    rows = "\n".join(_row_html(row, named=not block.head) for row in block.rows)
    top = f"<tr>{head}</tr>\n" if head else ""
    return f'<div class="wide"><table>\n{top}{rows}\n</table></div>'


def _row_html(row: Sequence[Cell], *, named: bool) -> str:
    cells = [f"<td>{_text_html(cell)}</td>" for cell in row]
    if named:
        cells[0] = f'<th scope="row">{_text_html(row[0])}</th>'
    return f"<tr>{''.join(cells)}</tr>"


def _text_html(cell: Cell) -> str:
    if isinstance(cell, Link):
        return f'<a href="{escape(cell.address)}">{escape(cell.text)}</a>'
    tone = TONES.get(cell.partition(" ")[0])
    return f'<span class="tone {tone}">{escape(cell)}</span>' if tone else escape(cell)


def _block_markdown(block: Block) -> str:
    if isinstance(block, tuple):
        return "\n".join(f"- {_plain(item)}" for item in block)
    if isinstance(block, Picture):
        return f"![{_plain(block.caption)}]({block.address})"
    if not isinstance(block, Table):
        return _text_markdown(block)
    if not block.rows:
        return ""
    head = block.head or ("",) * len(block.rows[0])
    lines = [_line(map(_cell_markdown, head)), _line("---" for _ in head)]
    return "\n".join([*lines, *(_line(map(_cell_markdown, row)) for row in block.rows)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell_markdown(cell: Cell) -> str:
    return _text_markdown(cell).replace("|", "\\|")


def _text_markdown(cell: Cell) -> str:
    return f"[{_plain(cell.text)}]({cell.address})" if isinstance(cell, Link) else _plain(cell)


def _plain(text: str) -> str:
    """Text on one line in which nothing is taken for Markdown or HTML."""
    escaped = " ".join(text.split()).replace("\\", "\\\\")
    for sign in "`*_[]<>#":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped
