"""One incident for each thing that is wrong, whatever the order of its signs."""

from hypothesis import given
from hypothesis import strategies as st

from ml_platform.monitoring.incidents import Finding, Incident, due, updated
from ml_platform_tests.monitoring.findings import HOUR, NOON, finding


def opened() -> Incident:
    [incident] = updated([], [finding()])
    return incident


def test_a_finding_opens_an_incident() -> None:
    incident = opened()
    assert (incident.opened, incident.closed, incident.seen) == (NOON, None, 1)
    assert incident.text.startswith("distance drifted")


def test_all_well_opens_nothing() -> None:
    assert updated([], [finding(ok=True)]) == []


def test_the_same_thing_again_goes_on_with_its_incident() -> None:
    [again] = updated([opened()], [finding(1, severity="critical")])
    assert again.id == opened().id
    assert (again.seen, again.severity, again.opened) == (2, "critical", NOON)


def test_a_severity_never_falls_while_it_is_open() -> None:
    [worse] = updated([opened()], [finding(1, severity="critical")])
    [later] = updated([worse], [finding(2, severity="warning")])
    assert later.severity == "critical"


def test_the_same_finding_twice_says_nothing_new() -> None:
    assert updated([opened()], [finding()]) == []


def test_well_again_ends_it_and_the_next_finding_is_a_new_incident() -> None:
    [closed] = updated([opened()], [finding(1, ok=True)])
    assert closed.closed == NOON + HOUR
    [another] = updated([], [finding(2)])
    assert another.id != closed.id


def test_other_subjects_are_other_incidents() -> None:
    both = updated([], [finding(), finding(subject="carrier")])
    assert len({incident.id for incident in both}) == 2


def test_a_sign_older_than_the_last_one_changes_nothing() -> None:
    [closed] = updated([opened()], [finding(-1, ok=True), finding(1, ok=True)])
    assert closed.closed == NOON + HOUR


def test_an_incident_is_told_once_and_its_end_once() -> None:
    [message] = due(opened(), escalate_after=None, now=NOON)
    assert message.occasion == "opened"
    told = message.told(NOON)
    assert due(told, escalate_after=None, now=NOON + HOUR) == []
    [closed] = updated([told], [finding(1, ok=True)])
    [over] = due(closed, escalate_after=None, now=NOON + HOUR)
    assert over.occasion == "recovered"
    assert due(over.told(NOON + HOUR), escalate_after=None, now=NOON + 2 * HOUR) == []


def test_nobody_hears_of_the_end_of_what_nobody_was_told_of() -> None:
    [closed] = updated([opened()], [finding(1, ok=True)])
    assert due(closed, escalate_after=None, now=NOON + HOUR) == []


def test_what_stays_open_is_escalated_once() -> None:
    told = due(opened(), escalate_after=3600, now=NOON)[0].told(NOON)
    assert due(told, escalate_after=3600, now=NOON + 0.9 * HOUR) == []
    [message] = due(told, escalate_after=3600, now=NOON + HOUR)
    assert message.occasion == "escalated"
    assert due(message.told(NOON + HOUR), escalate_after=3600, now=NOON + 9 * HOUR) == []


FINDINGS = st.lists(
    st.builds(finding, st.integers(0, 50), ok=st.booleans(), subject=st.sampled_from("ab")),
    max_size=30,
)


@given(FINDINGS)
def test_of_each_thing_at_most_one_incident_is_open(findings: list[Finding]) -> None:
    known: dict[str, Incident] = {}
    for part in findings:
        open_ones = [i for i in known.values() if i.closed is None]
        known |= {incident.id: incident for incident in updated(open_ones, [part])}
        things = [i.thing for i in known.values() if i.closed is None]
        assert len(things) == len(set(things))


@given(FINDINGS)
def test_telling_findings_twice_is_as_telling_them_once(findings: list[Finding]) -> None:
    once = updated([], findings)
    again = updated([i for i in once if i.closed is None], findings)
    still_open = {i.id for i in once if i.closed is None}
    assert {i.id for i in again if i.closed is None and i.id in still_open} == set()
