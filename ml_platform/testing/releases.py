"""The contract of the release store, for its twins and for a new one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ml_platform.exceptions import MLPlatformError, ReleaseError, RevisionConflict
from ml_platform.release.evidence import Counts, Moments
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, Transition, replay
from ml_platform.release.store import ReleaseStore
from ml_platform.release.worker import WorkerReport

START = datetime(2026, 1, 1, tzinfo=UTC)
CANARY = Plan(steps=(Step(stage=Stage.CANARY, percent=5), Step(stage=Stage.RAMP, percent=50)))


def transition(
    model: str, revision: int, version: int, action: Action = Action.PROMOTE_DIRECT
) -> Transition:
    """Return a transition with everything that the store keeps; `open` gets the plan CANARY."""
    return Transition(
        model=model,
        revision=revision,
        action=action,
        version=version,
        at=START + timedelta(hours=revision),
        who="contract test",
        why="版本 is ready",
        evidence={"certificate": "ab" * 32, "metrics": {"roc_auc": 0.1 + 0.2, "f1": None}},
        plan=CANARY if action is Action.OPEN else None,
    )


def promotion(model: str, revision: int, version: int) -> Transition:
    """Return a transition that makes `version` champion at `revision`."""
    return transition(model, revision, version)


def check_release_store(store: ReleaseStore, *, model: str = "contract") -> None:
    """Assert that an empty store keeps the contract; version 9 is champion of `model` then."""
    _check_transitions(store, model)
    _check_a_release(store, f"{model}_release")
    _check_evidence(store, f"{model}_evidence")
    _check_workers(store, model)


def _check_transitions(store: ReleaseStore, model: str) -> None:
    assert store.models() == []
    assert store.states() == {}
    assert store.history(model) == []
    assert store.revision(model) == 0
    assert (store.state(model).revision, store.state(model).champion) == (0, None)

    first, second = promotion(model, 1, 7), promotion(model, 2, 9)
    after = store.append(first, expected_revision=0)
    assert after == store.state(model)
    assert (after.champion, after.previous, after.since) == (7, None, first.at)
    store.append(second, expected_revision=1)
    state = store.state(model)
    assert (state.revision, state.champion, state.previous) == (2, 9, 7)

    _refuses(lambda: store.append(promotion(model, 2, 11), expected_revision=1), RevisionConflict)
    _refuses(lambda: store.append(promotion(model, 4, 11), expected_revision=3), RevisionConflict)
    _refuses(lambda: store.append(promotion(model, 4, 11), expected_revision=2), RevisionConflict)
    _refuses(lambda: store.append(promotion(model, 3, 9), expected_revision=2), ReleaseError)
    assert store.state(model) == state, "a refused transition leaves the state"
    assert store.revision(model) == 2
    assert store.history(model) == [first, second], "transitions come back as they were stored"
    assert store.history(model, after=1) == [second]

    store.append(promotion("another", 1, 1), expected_revision=0)
    assert store.models() == ["another", model]
    assert store.states() == {"another": store.state("another"), model: state}
    assert store.state(model) == state, "models are apart"


def _check_a_release(store: ReleaseStore, model: str) -> None:
    way = [
        transition(model, 1, 1),
        transition(model, 2, 2, Action.OPEN),
        transition(model, 3, 2, Action.HOLD),
        transition(model, 4, 2, Action.RESUME),
        transition(model, 5, 2, Action.ADVANCE),
        transition(model, 6, 2, Action.PROMOTE),
        transition(model, 7, 1, Action.ROLLBACK),
    ]
    after = store.state(model)
    for each in way:
        after = store.append(each, expected_revision=each.revision - 1)
        assert after == store.state(model) == store.states()[model]
        assert after == replay(model, store.history(model)), "the state is that of the history"
    assert store.history(model) == way
    assert (after.champion, after.previous, after.taken_out) == (1, 2, (2,))


def _check_evidence(store: ReleaseStore, model: str) -> None:
    store.append(transition(model, 1, 1), expected_revision=0)
    store.append(transition(model, 2, 2, Action.OPEN), expected_revision=1)
    some = Counts(requests=3, errors={"raised": 1}, quality={"brier": Moments(2, 0.5, 0.25)})
    more = some + Counts(requests=4, refusals={"missing": 2}, scores={-3: 4})
    store.record_evidence(model, entered=2, worker="a", counts={(2, "canary"): some})
    store.record_evidence(model, entered=2, worker="a", counts={(2, "canary"): more})
    store.record_evidence(model, entered=2, worker="b", counts={(1, "champion"): some})
    store.record_evidence(model, entered=2, worker="b", counts={(2, "canary"): some})
    store.record_evidence(model, entered=0, worker="b", counts={(1, "champion"): some})
    seen = {(1, "champion"): some, (2, "canary"): more + some}
    assert store.evidence(model, entered=2) == seen, "the last of each worker, added up"
    assert store.evidence(model, entered=0) == {}, "outside a release nothing is kept"
    store.append(transition(model, 3, 2, Action.ADVANCE), expected_revision=2)
    store.record_evidence(model, entered=3, worker="a", counts={(2, "canary"): some})
    steps = {2: seen, 3: {(2, "canary"): some}}
    assert store.open_evidence() == {model: steps}, "each step by itself"

    store.append(transition(model, 4, 2, Action.REJECT), expected_revision=3)
    assert store.open_evidence() == {}
    assert store.evidence(model, entered=2) == seen, "what it rested on can still be looked at"
    store.append(transition(model, 5, 3, Action.OPEN), expected_revision=4)
    assert store.open_evidence() == {}
    assert store.evidence(model, entered=2) == {}, "forgotten when the next release opens"
    store.append(transition(model, 6, 3, Action.WITHDRAW), expected_revision=5)


def _check_workers(store: ReleaseStore, model: str) -> None:
    def report(worker: str, revision: int, *, minutes: int) -> WorkerReport:
        return WorkerReport(
            model=model,
            worker=worker,
            host="h",
            url="http://127.0.0.1:1",
            revision=revision,
            versions=(7, 9),
            seen_at=START + timedelta(minutes=minutes),
        )

    assert store.workers(model) == []
    store.report_worker(report("a", 1, minutes=0))
    store.report_worker(report("b", 2, minutes=1))
    store.report_worker(report("a", 2, minutes=2))
    assert store.workers(model) == [report("a", 2, minutes=2), report("b", 2, minutes=1)]
    assert store.workers("another") == []
    stopped = report("c", 2, minutes=100).model_copy(update={"process": "p", "ended": True})
    store.report_worker(stopped)
    assert store.workers(model) == [stopped], "old ones are forgotten"


def _refuses(action: Callable[[], object], error: type[MLPlatformError]) -> None:
    said: str | None = None
    try:
        action()
    except error as raised:
        said = str(raised)
    assert said is not None, f"{error.__name__} was to be raised"
