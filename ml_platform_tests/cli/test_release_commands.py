"""The commands about a release, on a release store of their own and a Bento of a few files."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.cli.release_status import release_lines, releases_under_way
from ml_platform.data.handles import HandleStore
from ml_platform.release.evidence import Agreement, Counts, Moments, difference_bin
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, Transition
from ml_platform.release.store import SqlReleaseStore
from ml_platform.release.worker import WorkerReport
from ml_platform.serving.examples import keep_example
from ml_platform.settings import Settings
from ml_platform_tests.serving.small_bento import small_bento
from ml_platform_tests.serving.stand_in import StandIn, running
from ml_platform_tests.spec.declarations import VALID, write

PLAN = Plan(
    steps=(
        Step(stage=Stage.CANARY, percent=5, min_predictions=100),
        Step(stage=Stage.FINAL_APPROVAL, percent=5),
    )
)
ORDER = ("--by", "ada", "--reason", "我说的")


class Home:
    """A home with two versions of the model m; version 2 is champion."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = SqlReleaseStore(settings.release_url)
        self.move(1, Action.PROMOTE_DIRECT)
        self.move(2, Action.PROMOTE_DIRECT)
        small_bento(settings.bentos, "m", 1)
        small_bento(settings.bentos, "m", 2)

    def move(
        self,
        version: int,
        action: Action,
        plan: Plan | None = None,
        *,
        who: str = "run 1",
        why: str = "certified",
    ) -> None:
        revision = self.store.revision("m") + 1
        transition = Transition(
            model="m",
            revision=revision,
            action=action,
            version=version,
            at=datetime(2026, 1, revision, tzinfo=UTC),
            who=who,
            why=why,
            plan=plan,
        )
        self.store.append(transition, expected_revision=revision - 1)

    def worker(
        self, revision: int, url: str = "http://127.0.0.1:1", *, seconds_ago: float = -2
    ) -> None:
        self.store.report_worker(
            WorkerReport(
                model="m",
                worker="w1",
                host="h",
                url=url,
                revision=revision,
                versions=(1,),
                seen_at=datetime.now(UTC) - timedelta(seconds=seconds_ago),
            )
        )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path))
    for module in ("release_command", "rollback"):  # MLflow takes seconds
        monkeypatch.setattr(f"ml_platform.cli.{module}.show_aliases", lambda *_: None)
    return Home(Settings.from_environment())


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_a_person_takes_a_candidate_through_hold_resume_and_approval(home: Home) -> None:
    home.move(3, Action.OPEN, PLAN)
    held = call("hold", "m", *ORDER)
    live = "m: version 2 is champion, version 3 is candidate at canary with 5 % of the keys"
    assert held.output == f"{live}, held\n"
    assert call("resume", "m", *ORDER).output == f"{live}\n"
    refused = call("approve", "m", *ORDER)
    assert (refused.exit_code, refused.output) == (
        5,
        "error: m: version 3 (canary) waits for no approval\n",
    )
    home.move(3, Action.ADVANCE)
    assert call("approve", "m", *ORDER).output == "m: version 3 is champion\n"
    last = home.store.history("m")[-1]
    assert (last.who, last.why, last.action) == ("ada", "我说的", Action.APPROVE)


def test_promote_and_reject_end_a_release(home: Home) -> None:
    home.move(3, Action.OPEN, PLAN)
    assert call("reject", "m", *ORDER).output == "m: version 2 is champion\n"
    home.move(4, Action.OPEN, PLAN)
    assert call("promote", "m", *ORDER).output == "m: version 4 is champion\n"


def test_an_order_without_a_release_says_what_is_live(home: Home) -> None:
    answer = call("promote", "m", *ORDER)
    assert answer.exit_code == 5
    assert "no release under way, nothing to promote; version 2 is champion" in answer.output
    unknown = call("hold", "n", *ORDER)
    assert "no version of 'n' is released yet (released: m)" in unknown.output
    typo = call("hold", "mm", *ORDER)
    assert "no version of 'mm' is released yet; did you mean 'm'? (released: m)" in typo.output


@pytest.mark.parametrize("order", ["hold", "rollback"])
def test_an_order_of_nobody_or_for_no_reason_is_a_wrong_call(home: Home, order: str) -> None:
    for who, why, at_fault in (("", "slow", "--by"), ("ada", " ", "--reason")):
        refused = call(order, "m", "--by", who, "--reason", why)
        assert refused.exit_code == ExitCode.USAGE
        assert f"'{at_fault}': it is empty" in refused.stderr
    assert home.store.revision("m") == 2


def test_rollback_without_a_service_says_so(home: Home) -> None:
    answer = call("rollback", "m", "--reason", "wrong")
    assert answer.exit_code == 0
    assert "m: version 1 is champion again in place of version 2" in answer.output
    assert "no service runs that follows the release" in answer.output
    assert home.store.state("m").taken_out == (2,)
    again = call("rollback", "m", "--reason", "more")
    assert again.exit_code == 5
    assert "no earlier good version to go back to; version 1 is the first" in again.output
    forward = call("rollback", "m", "--to", "2", "--reason", "it was right")
    assert "version 2 is champion again in place of version 1" in forward.output


def test_rollback_takes_a_candidate_out_first(home: Home) -> None:
    home.move(3, Action.OPEN, PLAN)
    answer = call("rollback", "m", "--reason", "errors", "--json")
    assert answer.exit_code == 0
    after = json.loads(answer.output)["rollback"]["after"]
    assert (after["champion"], after["candidate"]) == (2, None)


@pytest.mark.parametrize("damage", ["altered", "missing", "manifest"])
def test_rollback_goes_to_no_version_whose_files_are_not_whole(home: Home, damage: str) -> None:
    model = home.settings.bentos / "bentos" / "m" / "1" / "src" / "model"
    if damage == "altered":
        (model / "trees").write_bytes(b"other")
    elif damage == "missing":
        (model / "trees").unlink()
    else:
        (model / "model.json").write_text(json.dumps({"files": {}}))
    for words in (["rollback", "m"], ["rollback", "m", "--to", "1"]):
        answer = call(*words, "--reason", "r")
        assert answer.exit_code == 5
        assert str(model) in answer.output
    assert home.store.state("m").champion == 2


def test_rollback_that_a_worker_does_not_follow_is_told_and_not_proven(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_platform.serving.roll_back.prove.__kwdefaults__", {"patience": 0.1})
    home.worker(2)
    answer = call("rollback", "m", "--reason", "r")
    assert answer.exit_code == 4
    assert "worker w1 does not follow" in answer.output
    assert "it is not proven that the service followed" in answer.output
    assert home.store.state("m").champion == 1, "rolled back all the same"


def test_rollback_that_a_lost_worker_may_not_follow_is_not_proven_and_status_tells_of_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_platform.serving.roll_back.prove.__kwdefaults__", {"patience": 0.1})
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(tmp_path / "models"))
    write(tmp_path / "models" / "m", VALID.replace("name: shop", "name: m"))
    home.worker(2, seconds_ago=60)
    answer = call("rollback", "m", "--reason", "r")
    assert answer.exit_code == 4
    assert "no service runs" not in answer.output
    lost = "worker w1 of http://127.0.0.1:1 on h was not seen for 6"
    assert lost in answer.output
    again = call("rollback", "m", "--to", "1", "--reason", "r", "--json")
    told = json.loads(again.stdout)
    assert (again.exit_code, told["proven"], list(told["proof"]["silent"])) == (4, False, ["w1"])
    assert f"m: {lost}" in call("status").output
    [model] = json.loads(call("status", "m", "--json").stdout)
    assert [each["worker"] for each in model["silent_workers"]] == ["w1"]


@pytest.fixture
def service(home: Home) -> Iterator[StandIn]:
    """A service that asks for a key, with one worker that has followed already."""
    keep_example(HandleStore(f"{home.settings.data_url}/handles"), "m", 1, {"x": 1})
    with running(StandIn(key="mlp_1")) as found:
        home.worker(3, found.url)
        yield found


def test_rollback_is_proven_by_what_the_service_answers(
    service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_PLATFORM_API_KEY", "mlp_1")
    answer = call("rollback", "m", "--reason", "r", "--json")
    told = json.loads(answer.output)
    assert (answer.exit_code, told["proven"]) == (0, True)
    assert told["proof"]["services"][0]["predicted_by"] == 1
    assert service.records == [{"x": 1, "prediction_id": "rollback-3-1"}]


def test_rollback_without_the_key_that_the_service_asks_for_is_not_proven(
    service: StandIn, home: Home
) -> None:
    answer = call("rollback", "m", "--reason", "r")
    assert answer.exit_code == 4
    assert "1 of 1 workers follow" in answer.output
    assert "version 1, POST /predict asks for an API key (ML_PLATFORM_API_KEY)" in answer.output
    assert home.store.state("m").champion == 1, "rolled back all the same"


def test_an_unproven_rollback_is_proven_again_and_changes_nothing(
    service: StandIn, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = call("rollback", "m", "--reason", "r")
    assert "to prove it again: ml-platform rollback m --to 1 --reason ..." in first.output
    again = ("rollback", "m", "--to", "1", "--reason", "r")
    assert call(*again).exit_code == 4, "still without the key"
    monkeypatch.setenv("ML_PLATFORM_API_KEY", "mlp_1")
    answer = call(*again)
    assert answer.exit_code == 0
    assert "m: version 1 answers everything since revision 3" in answer.output
    assert "POST /predict: answered by version 1" in answer.output
    assert json.loads(call(*again, "--json").output)["proven"]
    assert [each.revision for each in home.store.history("m")] == [1, 2, 3]
    home.move(2, Action.PROMOTE_DIRECT)
    promoted = call("rollback", "m", "--to", "2", "--reason", "r")
    assert (promoted.exit_code, promoted.output) == (
        5,
        "error: m: version 2 is champion already\n",
    )


def test_rollback_that_another_version_answers_is_not_proven(
    service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_PLATFORM_API_KEY", "mlp_1")
    service.predicts = 2
    answer = call("rollback", "m", "--reason", "r", "--json")
    assert answer.exit_code == 4
    assert '"proven": false' in answer.output
    assert "version 2 answered POST /predict" in answer.output


def test_history_tells_what_was_live_when_since_when_by_whom_and_why(home: Home) -> None:
    home.move(3, Action.OPEN, PLAN)
    table = call("history", "m").output.splitlines()
    assert table[0].split() == [
        "rev",
        "at",
        "(UTC)",
        "action",
        "version",
        "live",
        "then",
        "who",
        "why",
    ]
    assert table[3].split() == [
        "3", "2026-01-03", "00:00:00", "open", "3", "v2,", "v3", "in", "canary", "5", "%",
        "run", "1", "certified",
    ]  # fmt: skip
    then = call("history", "m", "--at", "2026-01-02T12:00").output
    assert "m at 2026-01-02 12:00 UTC: v2; champion since 2026-01-02 00:00:00" in then
    assert "made champion by run 1 (revision 2, promote_direct): certified" in then
    assert "last moved" not in then, "that made the champion"
    assert "nothing was released" in call("history", "m", "--at", "2025-01-01").output
    [document] = json.loads(call("history", "m", "--at", "2026-01-01", "--json").output)
    assert (document["who"], document["state"]["champion"]) == ("run 1", 1)


def test_history_at_a_time_names_who_made_the_champion_though_others_moved_since(
    home: Home,
) -> None:
    home.move(3, Action.OPEN, PLAN)
    home.move(3, Action.PROMOTE, who="ada", why="reviewed")
    home.move(4, Action.OPEN, PLAN)
    home.move(4, Action.CUT_OUT, who="service w", why="raised")
    then = call("history", "m", "--at", "2026-01-07").output.splitlines()
    assert then == [
        "m at 2026-01-07 00:00 UTC: v3; champion since 2026-01-04 00:00:00",
        "  made champion by ada (revision 4, promote): reviewed",
        "  last moved by service w (revision 6, cut_out): raised",
    ]
    [document] = json.loads(call("history", "m", "--at", "2026-01-07", "--json").output)
    assert (document["who"], document["action"]) == ("service w", "cut_out")
    made = document["made_champion"]
    assert (made["who"], made["why"], made["version"]) == ("ada", "reviewed", 3)


def test_status_shows_candidate_step_and_evidence_by_version(home: Home) -> None:
    home.move(3, Action.OPEN, PLAN)
    counts = {
        (2, "champion"): Counts(requests=9500, errors={"raised": 9}),
        (3, "candidate"): Counts(requests=50, refusals={"missing": 1}),
    }
    home.store.record_evidence("m", entered=3, worker="w", counts=counts)
    found = releases_under_way(home.settings, now=datetime.now(UTC))
    assert list(found) == ["m"]
    lines = list(release_lines(found["m"]))
    assert lines[0] == (
        "version 2 is champion, version 3 is candidate at canary with 5 % of the keys: "
        "stays: 49 of 100 predictions at this step"
    )
    assert lines[1].split() == ["version", "role", "requests", "errors", "refusals"]
    assert lines[3].split() == ["3", "candidate", "50", "0", "1"]


def test_status_shows_how_a_shadow_scores_beside_the_champion(home: Home) -> None:
    home.move(3, Action.OPEN, Plan(steps=(Step(stage=Stage.SHADOW),)))
    shadow = Counts(
        requests=50,
        shadow=Agreement(50, 45, Moments(50, -2.5, 0.5)),
        differences={difference_bin(0.0): 40, difference_bin(-0.25): 10},
        slices={"kind=b": Agreement(20, 15, Moments(20, -2.5, 0.5))},
    )
    home.store.record_evidence("m", entered=3, worker="w", counts={(3, "shadow"): shadow})
    lines = [
        line.split("  ")
        for line in release_lines(releases_under_way(home.settings, now=datetime.now(UTC))["m"])
    ]
    told = ["|".join(cell.strip() for cell in line if cell.strip()) for line in lines]
    assert told[1:] == [
        "version|role|requests|pairs|agree|mean_difference",
        "3|shadow|50|50|45|-0.05",
        "difference|pairs|percent",
        "-1 to -0.1|10|20.0",
        "none|40|80.0",
        "slice|pairs|agree|mean_difference",
        "kind=b|20|15|-0.125",
    ]
