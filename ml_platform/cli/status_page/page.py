"""The status page as HTML: no script, no file beside it, fit for a telephone."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from ml_platform.cli.incidents import what
from ml_platform.cli.status_page.overview import ModelOverview, Overview
from ml_platform.data.page import STYLE
from ml_platform.monitoring.incidents import Incident
from ml_platform.monitoring.report import MonitoringReport, stem
from ml_platform.release.commands import told
from ml_platform.release.state import ReleaseState
from ml_platform.settings import Settings

OWN_STYLE = """
body { max-width: 88rem }
main { display: grid; gap: 1rem; align-items: start;
       grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)) }
article { border: 1px solid #8886; border-radius: .5rem; padding: .25rem 1rem 1rem; min-width: 0 }
article.critical { border-color: #c0392b } article.warning { border-color: #a86400 }
h2 { margin-top: .75rem; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem .75rem;
     margin: .5rem 0 } dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere }
ul { padding-left: 1.1rem; overflow-wrap: anywhere }
nav a { margin-right: .75rem; display: inline-block; padding: .2rem 0 }
summary { cursor: pointer; padding: .4rem 0 }
label { display: block; margin: .5rem 0 } input { font: inherit; width: 100%;
  box-sizing: border-box; padding: .4rem }
button { font: inherit; padding: .5rem .9rem; margin: .25rem .5rem .25rem 0 }
.alarm { border-left: .3rem solid #c0392b; padding-left: .75rem }
"""

NO_KEYS = (
    "Orders need an API key, and no key is known here. Make one with: ml-platform key new NAME"
)
REFRESH_SECONDS = 30
DRIFT = ("input_drift", "prediction_drift")
"""The checks that tell what drifted."""
BUTTONS = {
    "approve": "Approve",
    "hold": "Hold",
    "resume": "Resume",
    "rollback": "Roll back",
}
"""The orders that the page takes."""


def status_html(seen: Overview, settings: Settings, *, keys: bool, refresh: bool = False) -> str:
    """Write the page. keys: whether orders can be given; refresh: whether it renews itself."""
    wrong = sum(len(model.incidents) for model in seen.models) + len(seen.platform)
    under_way = sum(1 for m in seen.models if m.state and m.state.candidate is not None)
    counts = f"{_many(len(seen.models), 'model')}, {_many(under_way, 'release')} under way, "
    lead = [
        f"<p>{counts}{_many(wrong, 'open incident')}; {seen.at:%Y-%m-%d %H:%M:%S} UTC</p>",
        _nav(settings, refresh=refresh),
        *_daemon(seen),
        *([f"<p>Trainings of all models: {escape(seen.budget)}</p>"] if seen.budget else []),
        *([f"<p>{escape(NO_KEYS)}</p>"] if not keys else []),
    ]
    cards = "\n".join(_card(model, settings, keys=keys) for model in seen.models)
    return shell("ml_platform", [*lead, f"<main>\n{cards}\n</main>"], refresh=refresh)


def shell(title: str, body: Sequence[str], *, refresh: bool = False) -> str:
    """Write a page around its parts."""
    renew = f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">' if refresh else ""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta name="viewport" content="width=device-width, initial-scale=1">{renew}',
            f"<title>ml_platform</title><style>{STYLE}{OWN_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *body,
            "</body></html>\n",
        ]
    )


def _nav(settings: Settings, *, refresh: bool) -> str:
    again = ("/", "Stop renewing") if refresh else ("/?refresh=on", "Renew by itself")
    links = [
        (settings.dagster_address, "Dagster"),
        (settings.mlflow_address, "MLflow"),
        (settings.reports_address, "Reports"),
        again,
    ]
    return f"<nav>{_links(links)}</nav>"


def _daemon(seen: Overview) -> Iterator[str]:
    if seen.daemon != "running":
        dead = seen.daemon.startswith("dead")
        alarm = ' class="alarm"' if dead else ""
        todo = "; nothing is monitored, trained or advanced" if dead else ""
        yield f"<p{alarm}>Dagster's daemon: {escape(seen.daemon)}{todo}</p>"
    if seen.platform:
        yield f'<div class="alarm">{_incidents(seen.platform)}</div>'


def _card(model: ModelOverview, settings: Settings, *, keys: bool) -> str:
    worst = {each.severity for each in model.incidents}
    tone = "critical" if "critical" in worst else "warning" if worst or model.error else "well"
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in _facts(model).items()
    )
    parts = [
        f'<article class="{tone}" id="{escape(model.name)}"><h2>{escape(model.name)}</h2>',
        f"<dl>{facts}</dl>",
        _incidents(model.incidents) if model.incidents else "",
        f"<nav>{_links(_addresses(model, settings))}</nav>",
        _orders(model) if keys else "",
        "</article>",
    ]
    return "\n".join(part for part in parts if part)


def _facts(model: ModelOverview) -> Mapping[str, str]:
    """Names and values of what is known, as HTML."""
    state, report = model.state, model.report
    found: dict[str, str | None] = {
        "Broken": model.error and f'<span class="bad">{escape(model.error)}</span>',
        "Live": escape(told(state)) if state and state.champion else "nothing is released yet",
        "Next": escape(model.next),
        **(_of_report(model) if report else {"Report": "none yet"}),
        "Waits": escape(model.waits),
        "Budget": escape(model.budget),
        "Owner": escape(model.owner),
    }
    return {name: value for name, value in found.items() if value}


def _of_report(model: ModelOverview) -> dict[str, str | None]:
    report = model.report
    assert report is not None
    errors = report.traffic.error_share if report.traffic else None
    p95 = [a.p95_ms for a in report.activity if a.p95_ms is not None]
    traffic = [
        f"{report.predictions:,} predictions",
        *([f"{errors:.2%} errors"] if errors is not None else []),
        *([f"p95 {max(p95):.3g} ms"] if p95 else []),
    ]
    cost = report.cost_per_1000
    return {
        "Quality": _quality(model),
        "Drift": _drift(report),
        "Traffic": escape(", ".join(traffic)),
        "Cost": None if cost is None else f"{cost:.4g} for 1,000 predictions",
        "Window": f"{report.begin:%Y-%m-%d %H:%M} to {report.end:%Y-%m-%d %H:%M} UTC",
    }


def _drift(report: MonitoringReport) -> str:
    """What moved by the checks of inputs and predictions, or that they could not tell."""
    found = [check for name in DRIFT if (check := report.check(name)) is not None]
    drifted = ", ".join(subject for check in found for subject in check.subjects)
    if drifted:
        return f'<span class="bad">{escape(drifted)}</span>'
    unclear = [check.text for check in found if check.verdict == "unclear"]
    return escape(f"not judged: {unclear[0]}") if unclear else "none"


def _quality(model: ModelOverview) -> str:
    report = model.report
    window = report.quality if report else None
    guess = report.estimate if report else None
    most = window.most if window else None
    if most is None and guess is not None:
        key, about = next(iter(guess.metrics.items()))
        interval = f"[{about.low:.4g}, {about.high:.4g}]"
        return escape(f"{key} {about.value:.4g} {interval} (estimate, before the labels)")
    if report is None or most is None or most.evaluation is None:
        why = (window.why_unknown if window else "") or "no window has matured"
        return escape(f"{why}; {report.not_estimated}" if report and report.not_estimated else why)
    metric = next(iter(most.evaluation.metrics.values()), None)
    if metric is None:
        return "no metric is declared"
    other = "" if most.version == report.champion else f" of version {most.version}"
    return escape(f"{metric.key} {metric.text} ({most.labeled:,} labels{other})")


def _incidents(found: Sequence[Incident]) -> str:
    items = "".join(
        f'<li><b class="{"bad" if each.severity == "critical" else "unsure"}">'
        f"{escape(what(each))}</b> since {each.opened:%Y-%m-%d %H:%M} UTC: {escape(each.text)}"
        f"{' <em>(the message is not delivered yet)</em>' if each.undelivered else ''}</li>"
        for each in found
    )
    return f"<ul>{items}</ul>"


def _addresses(model: ModelOverview, settings: Settings) -> Iterator[tuple[str, str]]:
    name, reports = model.name, settings.reports_address
    location = f"{settings.dagster_address}/locations/ml_platform.definitions"
    yield f"{location}/asset-groups/{name}/lineage", "Assets"
    if model.report is not None:
        yield f"{reports}/{name}/monitoring/{stem(model.report.begin)}.html", "Last report"
    yield f"{reports}/{name}/index.html", "All reports"
    for version in filter(None, _versions(model.state)):
        yield f"{reports}/{name}/v{version}/evaluation.html", f"Certificate v{version}"
        yield f"{settings.mlflow_address}/#/models/{name}/versions/{version}", f"MLflow v{version}"


def _versions(state: ReleaseState | None) -> tuple[int | None, ...]:
    return () if state is None else (state.champion, state.candidate)


def orders_of(state: ReleaseState | None) -> list[str]:
    """The orders that make sense now."""
    if state is None or state.champion is None:
        return []
    found: list[str] = []
    if state.candidate is not None:
        waits = state.waits
        found += ["approve"] if waits else []
        found.append("resume" if state.held else "hold")
    return [*found, *(["rollback"] if state.candidate or state.last_good else [])]


def _orders(model: ModelOverview) -> str:
    orders = orders_of(model.state)
    if not orders:
        return ""
    buttons = "".join(
        f'<button name="order" value="{order}">{BUTTONS[order]}</button>' for order in orders
    )
    return (
        '<details><summary>Give an order</summary><form method="post" action="/order">'
        f'<input type="hidden" name="model" value="{escape(model.name)}">'
        '<label>Why<input name="why" required maxlength="500" autocomplete="off"></label>'
        '<label>API key<input name="key" type="password" required '
        'autocomplete="current-password"></label>'
        f"{buttons}</form></details>"
    )


def _links(found: "Sequence[tuple[str, str]] | Iterator[tuple[str, str]]") -> str:
    return "".join(f'<a href="{escape(address)}">{escape(text)}</a>' for address, text in found)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
