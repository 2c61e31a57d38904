"""Histograms as SVG: small, sharp, and drawn without a plotting library."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 420, 190
LEFT, RIGHT, TOP, BOTTOM = 12, 12, 26, 24
COLORS = ("#2f6db5", "#e08a1e", "#3a9463")
BINS = 20
FEW_BINS = 6
CHARACTER = 6.5
"""About how wide a letter of a label is."""


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
    counts = {name: np.histogram(each, edges)[0].tolist() for name, each in series.items()}
    below = [
        _text(LEFT, HEIGHT - 8, f"{low:.4g}", anchor="start"),
        _text(WIDTH - RIGHT, HEIGHT - 8, f"{high:.4g}", anchor="end"),
    ]
    if mark is not None:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (mark - low) / (high - low)
        below.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" '
            'stroke="#a3261b" stroke-dasharray="4 3"/>'
        )
    return _drawn(counts, lambda _, count: str(count), below)


def shares_svg(series: Mapping[str, Sequence[float]], *, bins: Sequence[str]) -> str:
    """Draw the share of each series in each bin, side by side.

    Few bins have their names below; of many the first and the last have, and each under the mouse.
    """
    step = (WIDTH - LEFT - RIGHT) / max(len(bins), 1)
    if len(bins) <= FEW_BINS:
        fits = max(int(step / CHARACTER), 1)
        below = [
            _text(LEFT + step * (place + 0.5), HEIGHT - 8, _cut(name, fits), anchor="middle")
            for place, name in enumerate(bins)
        ]
    else:
        fits = int((WIDTH - LEFT - RIGHT) / 2 / CHARACTER)
        below = [
            _text(LEFT, HEIGHT - 8, _cut(bins[0], fits), anchor="start"),
            _text(WIDTH - RIGHT, HEIGHT - 8, _cut(bins[-1], fits), anchor="end"),
        ]
    return _drawn(series, lambda place, share: f"{bins[place]}: {share:.1%}", below)


def _drawn(
    series: Mapping[str, Sequence[float]],
    title: Callable[[int, float], str],
    below: Sequence[str],
) -> str:
    """The bars of each series over one axis, their names above. below: what stands at the axis."""
    most = max((max(each, default=0) for each in series.values()), default=1) or 1
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="11">',
            *_bars(list(series.values()), most, title),
            *_legend(list(series)),
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" '
            f'y2="{HEIGHT - BOTTOM}" stroke="#9aa7b4"/>',
            *below,
            "</svg>",
        ]
    )


def _bars(
    counts: Sequence[Sequence[float]], most: float, title: Callable[[int, float], str]
) -> Iterator[str]:
    floor, height = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    for number, each in enumerate(counts):
        step = (WIDTH - LEFT - RIGHT) / max(len(each), 1)
        width = step / len(counts)
        for place, count in enumerate(each):
            if count:
                tall = height * count / most
                x = LEFT + step * place + width * number
                yield (
                    f'<rect x="{x:.1f}" y="{floor - tall:.1f}" width="{max(width - 1, 1):.1f}" '
                    f'height="{tall:.1f}" fill="{COLORS[number % len(COLORS)]}">'
                    f"<title>{escape(title(place, count))}</title></rect>"
                )


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        x = LEFT + number * 130
        yield f'<rect x="{x}" y="6" width="10" height="10" fill="{COLORS[number % len(COLORS)]}"/>'
        yield _text(x + 15, 15, name, anchor="start")


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="#51606f">{escape(text)}</text>'
