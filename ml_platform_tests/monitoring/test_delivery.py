"""Who is told what, and that a message that failed is tried again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from ml_platform.monitoring.delivery import Delivery, Recipient, send_by_apprise, take_in
from ml_platform.monitoring.incident_store import InMemoryIncidentStore
from ml_platform.monitoring.incidents import Finding
from ml_platform.spec.monitoring import AlertsSpec
from ml_platform_tests.monitoring.findings import HOUR, NOON, finding
from ml_platform_tests.monitoring.webhook import listening


class Post:
    """Takes messages, unless it is down."""

    def __init__(self) -> None:
        self.taken: list[tuple[Sequence[str], str, str]] = []
        self.down = False

    def __call__(self, urls: Sequence[str], title: str, body: str) -> bool:
        if not self.down:
            self.taken.append((urls, title, body))
        return not self.down


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def store() -> InMemoryIncidentStore:
    return InMemoryIncidentStore()


def tell(
    store: InMemoryIncidentStore, post: Post, *findings: Finding, hours: float = 0, **alerts: Any
) -> list[str]:
    declared = AlertsSpec.model_validate({"urls": ["json://example.com"], **alerts})
    recipients = {"flights": Recipient("ops@example.com", declared)}
    done: list[Delivery] = take_in(store, findings, recipients, send=post, now=NOON + hours * HOUR)
    return [delivery.outcome for delivery in done]


def test_one_message_an_incident_and_a_note_when_it_is_over(store, post) -> None:
    assert tell(store, post, finding()) == ["sent"]
    assert tell(store, post, finding(), finding(1), hours=1) == []
    assert tell(store, post, finding(2, ok=True), hours=2) == ["sent"]
    assert tell(store, post, finding(3, ok=True), hours=3) == []
    assert [title for _, title, _ in post.taken] == [
        "[WARNING] flights: drift (distance)",
        "[RECOVERED] flights: drift (distance)",
    ]


def test_a_message_says_what_since_when_how_bad_and_what_to_do(store, post) -> None:
    tell(store, post, finding(), runbook="https://wiki.example.com/drift")
    [(_, _, body)] = post.taken
    for part in (
        "distance drifted: PSI 0.41 [0.38, 0.44]",
        "Model: flights, owner ops@example.com",
        "Version: 3",
        "Since: 2013-06-03 12:00 UTC",
        "Severity: warning",
        "What to do: compare the columns",
        "Runbook: https://wiki.example.com/drift",
        "Roll back: ml-platform rollback flights --reason ",
    ):
        assert part in body


def test_what_failed_is_tried_again_and_told_once(store, post) -> None:
    post.down = True
    assert tell(store, post, finding()) == ["failed"]
    assert tell(store, post, hours=1) == ["failed"]
    post.down = False
    assert tell(store, post, hours=2) == ["sent"]
    assert tell(store, post, hours=3) == []


def test_a_silence_keeps_the_record_and_tells_afterwards(store, post) -> None:
    silence = {"begin": NOON - HOUR, "end": NOON + 2 * HOUR, "why": "maintenance"}
    assert tell(store, post, finding(), silences=[silence]) == ["silenced"]
    assert store.of("flights")
    assert tell(store, post, finding(3), hours=3, silences=[silence]) == ["sent"]


def test_what_began_and_ended_in_a_silence_is_never_told(store, post) -> None:
    silence = {"begin": NOON - HOUR, "end": NOON + 2 * HOUR, "why": "maintenance"}
    tell(store, post, finding(), silences=[silence])
    tell(store, post, finding(1, ok=True), hours=1, silences=[silence])
    assert tell(store, post, hours=5) == []
    assert post.taken == []


def test_what_stays_open_goes_to_the_next_in_line(store, post) -> None:
    alerts = {"escalate_after": "2h", "escalate_to": ["json://boss.example.com"]}
    tell(store, post, finding(), **alerts)
    assert tell(store, post, finding(1), hours=1, **alerts) == []
    assert tell(store, post, finding(2), hours=2, **alerts) == ["sent"]
    assert post.taken[-1][:2] == (
        ("json://boss.example.com",),
        "[STILL OPEN] flights: drift (distance)",
    )


def test_less_severe_than_declared_is_recorded_only(store, post) -> None:
    assert tell(store, post, finding(), min_severity="critical") == []
    assert store.of("flights")[0].told is None
    assert tell(store, post, finding(1, severity="critical"), min_severity="critical") == ["sent"]


def window(day: int) -> dict[str, str]:
    return {"window": f"2013-06-{day:02}T00:00:00+00:00"}


def test_a_warning_of_a_report_can_wait_for_the_next_report(store, post) -> None:
    patient = {"after_reports": 2, "escalate_to": ["json://example.com"], "escalate_after": "1h"}
    assert tell(store, post, finding(**window(3)), **patient) == []
    again = finding(5, **window(3))
    assert tell(store, post, again, hours=5, **patient) == [], "the same report made again"
    assert tell(store, post, finding(24, **window(4)), hours=24, **patient) == ["sent", "sent"]
    well = finding(48, ok=True, **window(5))
    assert tell(store, post, well, hours=48, **patient) == ["sent"]
    assert [title.split()[0] for _, title, _ in post.taken] == [
        "[WARNING]",
        "[STILL",
        "[RECOVERED]",
    ]


def test_what_one_report_alone_found_is_recorded_and_never_told(store, post) -> None:
    assert tell(store, post, finding(**window(3)), after_reports=2) == []
    assert tell(store, post, finding(24, ok=True, **window(4)), hours=24, after_reports=2) == []
    [incident] = store.of("flights")
    assert (incident.told, incident.windows) == (None, 1)
    later = finding(48, **window(5))
    assert tell(store, post, later, hours=48, after_reports=2) == [], "it begins anew"


def test_what_is_critical_or_of_no_report_waits_for_nothing(store, post) -> None:
    critical = finding(severity="critical", **window(3))
    assert tell(store, post, critical, after_reports=3) == ["sent"]
    assert tell(store, post, finding(kind="run_failed"), after_reports=3) == ["sent"]


def test_without_an_address_the_incident_is_kept_and_not_tried_for_ever(store, post) -> None:
    assert tell(store, post, finding(), urls=[]) == ["unaddressed"]
    assert tell(store, post, hours=1, urls=[]) == []


def test_other_models_are_told_apart(store, post) -> None:
    assert tell(store, post, finding(model="unknown")) == []
    assert tell(store, post, finding()) == ["sent"]


def test_a_real_webhook_gets_title_and_body() -> None:
    with listening() as (url, taken):
        assert send_by_apprise([url], "[WARNING] flights: drift", "what\nwhen")
    assert (taken[0]["title"], taken[0]["message"]) == ("[WARNING] flights: drift", "what\nwhen")


@pytest.mark.parametrize("url", ["json://127.0.0.1:1/nobody", "no address at all"])
def test_an_address_that_takes_nothing_is_a_failure(url: str) -> None:
    assert not send_by_apprise([url], "title", "body")


def test_ten_thousand_findings_of_one_thing_are_one_message(store, post) -> None:
    many = [finding(n / 1000) for n in range(10_000)]
    assert tell(store, post, *many, hours=10, escalate_after=timedelta(days=9)) == ["sent"]
    assert store.of("flights")[0].seen == 10_000
