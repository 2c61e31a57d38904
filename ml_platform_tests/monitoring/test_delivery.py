"""Who is told what, and that a message that failed is tried again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from ml_platform.monitoring.delivery import (
    Delivery,
    Recipient,
    Send,
    send_by_apprise,
    take_in,
    why_unreadable,
)
from ml_platform.monitoring.incident_store import InMemoryIncidentStore, settled
from ml_platform.monitoring.incidents import Finding
from ml_platform.monitoring.recipients import model_recipient
from ml_platform.spec.monitoring import AlertsSpec
from ml_platform_tests.monitoring.findings import HOUR, NOON, finding
from ml_platform_tests.monitoring.webhook import listening


class Post:
    """Takes messages, unless it or an address is down."""

    def __init__(self) -> None:
        self.taken: list[tuple[Sequence[str], str, str]] = []
        self.down = False
        self.dead: set[str] = set()

    def __call__(self, urls: Sequence[str], title: str, body: str) -> Sequence[str]:
        took = () if self.down else tuple(url for url in urls if url not in self.dead)
        if took:
            self.taken.append((took, title, body))
        return took


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def store() -> InMemoryIncidentStore:
    return InMemoryIncidentStore()


def tell(
    store: InMemoryIncidentStore, post: Send, *findings: Finding, hours: float = 0, **alerts: Any
) -> list[str]:
    declared = AlertsSpec.model_validate({"urls": ["json://example.com"], **alerts})
    recipients = {"flights": Recipient("ops@example.com", declared)}
    done: list[Delivery] = take_in(store, findings, recipients, send=post, now=NOON + hours * HOUR)
    return [delivery.outcome for delivery in done]


def test_the_owner_stands_in_the_addresses_and_platform_wide_ones_are_for_who_declares_none(
    store, post
) -> None:
    mail, hook = "mailto://u:p@m.example.com?to={owner}", "json://example.com/{owner}"
    bare, own = AlertsSpec(), AlertsSpec(urls=(hook,), escalate_to=(mail,))
    to = {
        "flights": model_recipient("ops@example.com", bare, urls=[mail]),
        "loans": model_recipient("team:loans", own, urls=[mail]),
    }
    found = [finding(), finding(model="loans")]
    take_in(store, found, to, send=post, now=NOON)
    take_in(store, [], to, send=post, now=NOON + 5 * HOUR)
    assert [urls for urls, *_ in sorted(post.taken)] == [
        ("json://example.com/team%3Aloans",),
        ("mailto://u:p@m.example.com?to=ops%40example.com",),
        ("mailto://u:p@m.example.com?to=team%3Aloans",),
    ]


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


OWN, AWAY = "json://own.example.com", "json://away.example.com"
BOTH = {"urls": [OWN, AWAY]}


def test_each_address_is_told_once_whatever_another_does(store, post) -> None:
    post.dead = {AWAY}
    assert tell(store, post, finding(), **BOTH) == ["failed"]
    assert tell(store, post, hours=1, **BOTH) == ["failed"]
    [incident] = store.of("flights")
    assert (incident.told, incident.undelivered) == (NOON, NOON)
    post.dead = set()
    assert tell(store, post, hours=2, **BOTH) == ["sent"]
    assert tell(store, post, hours=3, **BOTH) == []
    assert [urls for urls, *_ in post.taken] == [(OWN,), (AWAY,)]
    [incident] = store.of("flights")
    assert (incident.told, incident.undelivered, incident.taken) == (NOON, None, {})


def test_the_end_is_told_to_those_who_took_the_begin(store, post) -> None:
    post.dead = {AWAY}
    tell(store, post, finding(), **BOTH)
    assert tell(store, post, finding(1, ok=True), hours=1, **BOTH) == ["sent"]
    assert [(urls, title.split()[0]) for urls, title, _ in post.taken] == [
        ((OWN,), "[WARNING]"),
        ((OWN,), "[RECOVERED]"),
    ]
    [incident] = store.of("flights")
    assert settled(incident)
    assert incident.undelivered is None


def test_an_end_that_an_address_did_not_take_is_tried_again_there_alone(store, post) -> None:
    tell(store, post, finding(), **BOTH)
    post.dead = {AWAY}
    assert tell(store, post, finding(1, ok=True), hours=1, **BOTH) == ["failed"]
    post.dead = set()
    assert tell(store, post, hours=2, **BOTH) == ["sent"]
    assert [urls for urls, *_ in post.taken] == [(OWN, AWAY), (OWN,), (AWAY,)]
    assert store.unsettled() == []


def test_an_address_mended_in_the_declaration_is_told_of_what_is_open(store, post) -> None:
    post.dead = {AWAY}
    tell(store, post, finding(), **BOTH)
    mended = {"urls": [OWN, "json://mended.example.com"]}
    assert tell(store, post, hours=1, **mended) == ["sent"]
    assert post.taken[-1][0] == ("json://mended.example.com",)
    tell(store, post, finding(2, kind="errors", subject=""), hours=2, **BOTH)
    assert tell(store, post, hours=3, urls=[OWN]) == ["unaddressed"], "it is declared no more"
    assert tell(store, post, hours=4, urls=[OWN]) == []


def test_who_stands_next_in_line_is_told_though_the_owner_is_away(store, post) -> None:
    alerts = {**BOTH, "escalate_after": "1h", "escalate_to": ["json://boss.example.com"]}
    post.dead = {AWAY}
    tell(store, post, finding(), **alerts)
    assert tell(store, post, hours=1, **alerts) == ["failed", "sent"]
    assert tell(store, post, hours=2, **alerts) == ["failed"]
    assert [urls for urls, *_ in post.taken] == [(OWN,), ("json://boss.example.com",)]
    assert store.of("flights")[0].undelivered == NOON, "one still lacks it"


def test_news_go_out_before_what_failed_is_tried_again(store, post) -> None:
    post.dead = {AWAY}
    tell(store, post, finding(), **BOTH)
    tried: list[str] = []

    def send(urls: Sequence[str], title: str, body: str) -> Sequence[str]:
        tried.append(title)
        return ()

    to = {"flights": Recipient("ops", AlertsSpec.model_validate(BOTH))}
    take_in(store, [finding(1, kind="errors", subject="")], to, send=send, now=NOON + HOUR)
    assert tried == ["[WARNING] flights: errors", "[WARNING] flights: drift (distance)"]


def test_what_was_not_tried_has_not_failed_and_goes_first_the_next_time(store, post) -> None:
    post.dead = {AWAY}
    tell(store, post, finding(), **BOTH)
    tried: list[str] = []

    def send(urls: Sequence[str], title: str, body: str) -> Sequence[str] | None:
        tried.append(title)
        return None

    to = {"flights": Recipient("ops", AlertsSpec.model_validate({"urls": ["json://own/t0ken"]}))}
    found = [finding(1, kind="errors", subject="")]
    done = take_in(store, found, to, send=send, now=NOON + HOUR)
    assert [(each.outcome, each.lacking) for each in done] == [("untried", ("json://...",))] * 2
    by_kind = {each.kind: each for each in store.of("flights")}
    assert by_kind["errors"].undelivered is by_kind["errors"].told is None
    assert by_kind["drift"].undelivered == NOON, "whether it is taken now is not known"
    take_in(store, [], to, send=send, now=NOON + 2 * HOUR)
    assert tried == ["[WARNING] flights: errors", "[WARNING] flights: drift (distance)"] * 2
    post.dead = set()
    assert tell(store, post, hours=3, **BOTH) == ["sent", "sent"]
    assert tell(store, post, hours=4, **BOTH) == []


def test_no_secret_of_an_address_is_kept_or_said(store, post) -> None:
    alerts = {"urls": ["json://own/t0ken", "json://away/s3cret"]}
    post.dead = {"json://away/s3cret"}
    declared = AlertsSpec.model_validate(alerts)
    to = {"flights": Recipient("ops@example.com", declared)}
    [delivery] = take_in(store, [finding()], to, send=post, now=NOON)
    assert delivery.lacking == ("json://...",)
    [incident] = store.of("flights")
    assert len(incident.taken["opened"]) == 1
    assert "t0ken" not in incident.model_dump_json()


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


@pytest.mark.parametrize("url", ["json://127.0.0.1:1/nobody", "no address at all", "slak://a/b"])
def test_an_address_that_takes_nothing_keeps_the_message_from_no_other(store, url: str) -> None:
    with listening() as (own, taken):
        assert send_by_apprise([url, own], "title", "body") == {own}
        alerts = {"urls": [url, own]}
        for hours in range(3):
            found = [] if hours else [finding()]
            assert tell(store, send_by_apprise, *found, hours=hours, **alerts) == ["failed"]
    assert [each["title"] for each in taken] == ["title", "[WARNING] flights: drift (distance)"]


@pytest.mark.parametrize(
    "url",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ml",
        "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#ml",
        "mailto://user:password@example.com",
        "mailtos://user:password@smtp.example.com?to=ops@example.com",
        "pagerduty://integrationkey@apikey",
        "workflows://prod-1.westus.logic.azure.com:443/643e69f83c8944438d/KODuebWbDGYFr0z0eu5pC6s",
        "json://example.com/path",
    ],
)
def test_documented_addresses_of_slack_mail_pagerduty_and_teams_are_readable(url: str) -> None:
    assert why_unreadable(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("slak://t0ken/#ml", "apprise knows no scheme 'slak'; did you mean 'slack'?"),
        ("slack://t0ken", "apprise cannot read what follows slack:// (valid: as its page on"),
        ("ops@example.com", "an address without a scheme (valid: scheme://..."),
    ],
)
def test_why_an_address_cannot_be_read_without_its_secrets(url: str, why: str) -> None:
    found = why_unreadable(url)
    assert found is not None
    assert found.startswith(why)
    assert "t0ken" not in found


def test_ten_thousand_findings_of_one_thing_are_one_message(store, post) -> None:
    many = [finding(n / 1000) for n in range(10_000)]
    assert tell(store, post, *many, hours=10, escalate_after=timedelta(days=9)) == ["sent"]
    assert store.of("flights")[0].seen == 10_000
