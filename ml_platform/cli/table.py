"""A table in plain text."""

from collections.abc import Iterator, Sequence


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines, each column as wide as its longest cell.

    >>> list(plain_table(("gate", "floor"), [("minimum_metric", "0.7")]))
    ['gate            floor', 'minimum_metric  0.7']
    """
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    for row in [head, *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
