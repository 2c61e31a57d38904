"""Findings from what stands, from releases, from waivers; sending within the time of a tick."""

import json
from datetime import timedelta
from pathlib import Path

from ml_platform.monitoring.incidents import Incident, updated
from ml_platform.monitoring.release_findings import of_transitions
from ml_platform.monitoring.sender import PatientSender
from ml_platform.monitoring.standing import standing
from ml_platform.monitoring.waivers import expiring
from ml_platform.release.state import Action, ReleaseState
from ml_platform.testing.releases import transition
from ml_platform_tests.monitoring.findings import HOUR, NOON, finding


def test_what_stands_is_told_once_and_its_end_once() -> None:
    there = finding(kind="sensor", subject="releases")
    [opened] = updated([], standing("sensor", [there], [], now=NOON))
    assert standing("sensor", [there], [opened], now=NOON + HOUR) == []
    [end] = standing("sensor", [], [opened], now=NOON + HOUR)
    assert (end.ok, end.thing) == (True, opened.thing)
    [closed] = updated([opened], [end])
    assert standing("sensor", [], [closed], now=NOON + HOUR) == []


def test_what_stands_leaves_other_kinds_alone() -> None:
    other = Incident.open_for(finding(kind="drift"))
    assert standing("sensor", [], [other], now=NOON) == []


def test_a_new_text_about_what_stands_is_news() -> None:
    before = Incident.open_for(finding(kind="sensor"))
    assert (
        len(standing("sensor", [finding(1, kind="sensor", text="worse")], [before], now=NOON)) == 1
    )


def test_a_version_that_is_taken_back_is_told_until_the_next_promotion() -> None:
    way = [
        transition("flights", 2, 2, Action.OPEN),
        transition("flights", 3, 2, Action.ADVANCE),
        transition("flights", 4, 1, Action.ROLLBACK),
        transition("flights", 6, 3, Action.PROMOTE),
    ]
    found = of_transitions(way)
    assert [(f.kind, f.ok, f.version) for f in found] == [
        ("rolled_back", False, 1),
        ("rolled_back", True, 3),
    ]
    assert found[0].severity == "critical"
    assert found[0].text.startswith("rolled back: version 1 answers everything (")


def _waived(reports: Path, version: int, **until: float) -> None:
    folder = reports / "flights" / f"v{version}"
    folder.mkdir(parents=True, exist_ok=True)
    waivers = [
        {
            "check": check,
            "version": version,
            "by": "ada",
            "reason": "known",
            "granted_at": NOON.isoformat(),
            "until": (NOON + hours * HOUR).isoformat(),
        }
        for check, hours in until.items()
    ]
    (folder / "evaluation.json").write_text(json.dumps({"waivers": waivers}), encoding="utf-8")


def test_waivers_of_live_versions_are_told_a_day_before_they_end(tmp_path: Path) -> None:
    _waived(tmp_path, 1, latency=-3, model_size=23, fairness=40)
    _waived(tmp_path, 2, latency=1)
    state = ReleaseState(model="flights", champion=1)
    found = {f.subject: f.text for f in expiring([state], tmp_path, now=NOON)}
    assert set(found) == {"latency of version 1", "model_size of version 1"}
    assert "by ada ended at 2013-06-03 09:00 UTC" in found["latency of version 1"]
    assert "by ada ends at 2013-06-04 11:00 UTC" in found["model_size of version 1"]


def test_a_model_without_documents_has_no_waivers(tmp_path: Path) -> None:
    assert list(expiring([ReleaseState(model="m", champion=1)], tmp_path, now=NOON)) == []


def test_addresses_that_fail_cost_one_attempt_a_tick() -> None:
    tried: list[tuple[str, ...]] = []
    now = [0.0]

    def send(urls, title, body) -> list[str]:
        tried.append(tuple(urls))
        now[0] += 4.0
        return [url for url in urls if url != "down"]

    sender = PatientSender(send, seconds=10, monotonic=lambda: now[0])
    assert [sender(["up", "down"], "t", "b") for _ in range(2)] == [["up"], ["up"]]
    assert sender(["down"], "t", "b") == ()
    assert [sender(["up"], "t", "b") for _ in range(2)] == [["up"], None], "none is tried then"
    assert sender(["down"], "t", "b") == (), "it was tried and did not take it"
    assert tried == [("up", "down"), ("up",), ("up",)]


def test_undelivered_is_kept_until_somebody_takes_it() -> None:
    from ml_platform.monitoring.delivery import Recipient, take_in
    from ml_platform.monitoring.incident_store import InMemoryIncidentStore
    from ml_platform.spec.monitoring import AlertsSpec

    store, taken = InMemoryIncidentStore(), list[str]()

    def send(*_: object) -> list[str]:
        return taken

    to = {"flights": Recipient("ops", AlertsSpec(urls=("json://x",)))}
    for hours in range(3):
        now = NOON + timedelta(hours=hours)
        take_in(store, [finding()], to, send=send, now=now)
        [incident] = store.of("flights")
        assert (incident.told, incident.undelivered) == (None, NOON), "since the first failure"
    taken[:] = ["json://x"]
    take_in(store, [], to, send=send, now=NOON + 4 * HOUR)
    [incident] = store.of("flights")
    assert incident.undelivered is None
    assert incident.told == NOON + 4 * HOUR
