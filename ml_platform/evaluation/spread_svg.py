"""Histograms as SVG: small, sharp, and drawn without a plotting library."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 420, 190
LEFT, RIGHT, TOP, BOTTOM = 12, 12, 26, 24
COLORS = ("#2f6db5", "#e08a1e", "#3a9463")
BINS = 20


def histogram_svg(series: Mapping[str, Sequence[float]], *, mark: float | None = None) -> str:
    """Draw how the values of each series spread, over one axis.

    mark: a number that gets a dashed line, where there is one to show.
    """
    values = [value for each in series.values() for value in each]
    shown = values if mark is None else [*values, mark]
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    if low == high:
        low, high = low - abs(low) * 0.01 - 1e-9, high + abs(high) * 0.01 + 1e-9
    edges = np.linspace(low, high, min(BINS, max(5, len(values))) + 1)
    counts = {name: np.histogram(each, edges)[0] for name, each in series.items()}
    most = max((int(count.max()) for count in counts.values()), default=1) or 1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="11">',
        *_bars(list(counts.values()), most),
        *_legend(list(series)),
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}" '
        'stroke="#9aa7b4"/>',
        _text(LEFT, HEIGHT - 8, f"{low:.4g}", anchor="start"),
        _text(WIDTH - RIGHT, HEIGHT - 8, f"{high:.4g}", anchor="end"),
    ]
    if mark is not None:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (mark - low) / (high - low)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" '
            'stroke="#a3261b" stroke-dasharray="4 3"/>'
        )
    return "".join([*parts, "</svg>"])


def _bars(counts: Sequence[np.ndarray], most: int) -> Iterator[str]:
    floor, height = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    for number, each in enumerate(counts):
        step = (WIDTH - LEFT - RIGHT) / len(each)
        width = step / len(counts)
        for place, count in enumerate(each.tolist()):
            if count:
                tall = height * count / most
                x = LEFT + step * place + width * number
                yield (
                    f'<rect x="{x:.1f}" y="{floor - tall:.1f}" width="{max(width - 1, 1):.1f}" '
                    f'height="{tall:.1f}" fill="{COLORS[number % len(COLORS)]}">'
                    f"<title>{count}</title></rect>"
                )


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        x = LEFT + number * 130
        yield f'<rect x="{x}" y="6" width="10" height="10" fill="{COLORS[number % len(COLORS)]}"/>'
        yield _text(x + 15, 15, name, anchor="start")


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="#51606f">{escape(text)}</text>'
