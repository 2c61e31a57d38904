"""The status page in process: what it shows, and whose orders it takes."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from ml_platform.cli.status_page.app import MOST_BYTES, status_app
from ml_platform.cli.status_page.overview import Declarations, overview
from ml_platform.drift.column import ColumnDrift
from ml_platform.feedback.estimate import EstimatedMetric, PerformanceEstimate
from ml_platform.monitoring.activity import Activity
from ml_platform.monitoring.heartbeat import beat
from ml_platform.release.state import Action
from ml_platform.serving.examples import keep_example
from ml_platform_tests.cli.status_page.world import ACTIVITY, DRIFTED, HOUR, NOON, World
from ml_platform_tests.serving.stand_in import StandIn, running

ORIGIN = "http://localhost:3090"


class Client:
    """Asks the application in process."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def get(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, **more))

    def post(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, **more))

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            return await client.request(method, path, **more)


@pytest.fixture
def client(world: World) -> Client:
    return Client(status_app(world.settings))


def give(client: Client, key: str, *, origin: str | None = ORIGIN, **form: str):
    fields = {"model": "shop", "order": "hold", "why": "look at it", "key": key, **form}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    headers |= {"origin": origin} if origin else {}
    return client.post("/order", content=urlencode(fields), headers=headers)


def card(client: Client, model: str) -> str:
    text = client.get("/").text
    return text.partition(f'id="{model}"')[2].partition("</article>")[0]


def test_a_card_tells_what_is_live_how_it_does_and_what_is_wrong(client: Client) -> None:
    shop = card(client, "shop")
    for part in (
        "version 2 is champion, version 3 is candidate at canary with 5 % of the keys",
        "roc_auc 0.81 [0.79, 0.83] (4,000 labels)",
        '<span class="bad">amount</span>',
        "4,800 predictions, 0.00% errors, p95 0.52 ms",
        "0.0042 for 1,000 predictions",
        "amount drifted: PSI 0.41 [0.38, 0.44]",
        "shop@example.com",
        "http://127.0.0.1:3080/shop/v2/evaluation.html",
        "http://127.0.0.1:3080/shop/monitoring/2026-01-08T1200.html",
        "http://127.0.0.1:5000/#/models/shop/versions/3",
        "http://127.0.0.1:3000/locations/ml_platform.definitions/asset-groups/shop/lineage",
    ):
        assert part in shop, part
    assert "its own budget: 4 of 4 runs in 24 hours are spent" in card(client, "credit")
    assert "nothing is released yet" in card(client, "churn")
    assert " models, 2 releases under way, 1 open incident;" in client.get("/").text


def test_before_the_labels_a_card_shows_an_estimate_as_one(world: World, client: Client) -> None:
    promised = PerformanceEstimate(
        rows=900,
        calibrated_on=400,
        confidence=0.95,
        metrics={"accuracy": EstimatedMetric(value=0.75, low=0.7, high=0.8)},
        caution="no label was seen",
    )
    world.report("credit", quality=None, estimate=promised)
    assert "accuracy 0.75 [0.7, 0.8] (estimate, before the labels)" in card(client, "credit")
    world.report("credit", quality=None, not_estimated="no estimate for task regression")
    assert "no window has matured; no estimate for task regression" in card(client, "credit")


def test_a_card_tells_drift_as_the_checks_judged_it(world: World, client: Client) -> None:
    scores = ColumnDrift.model_validate(DRIFTED | {"column": "prediction"})
    world.report("credit", columns=(), scores=scores)
    assert '<dt>Drift</dt><dd><span class="bad">prediction</span></dd>' in card(client, "credit")
    few = Activity.model_validate(ACTIVITY | {"predictions": 50})
    world.report("credit", activity=(few,))
    told = "<dt>Drift</dt><dd>not judged: 50 predictions; 200 are asked for</dd>"
    assert told in card(client, "credit")
    steady = scores.model_copy(update={"verdict": "stable"})
    world.report("credit", columns=(), scores=steady)
    assert "<dt>Drift</dt><dd>none</dd>" in card(client, "credit")


def test_a_card_tells_what_of_the_budget_is_spent(world: World) -> None:
    file = world.models / "credit" / "defs.yaml"
    text = file.read_text("utf-8").replace("retraining: {", "retraining: {max_hours_per_day: 8, ")
    file.write_text(text, "utf-8")
    seen = overview(world.settings, Declarations(world.settings), now=NOON)
    budgets = {model.name: model.budget for model in seen.models}
    assert budgets["credit"] == "4 of 4 runs, 2.00 of 8 hours spent in 24 hours"
    assert budgets["shop"] == "0 of 4 runs spent in 24 hours"
    assert seen.budget == "", "none is declared for all models"
    later = overview(world.settings, Declarations(world.settings), now=NOON + 3 * HOUR)
    budgets = {model.name: model.budget for model in later.models}
    assert budgets["credit"] == "3 of 4 runs, 1.50 of 8 hours spent in 24 hours"


def test_the_page_tells_what_of_the_budget_of_all_models_is_spent(world: World) -> None:
    settings = world.settings.model_copy(update={"max_runs_per_day": 20, "max_hours_per_day": 5})
    world.trained("shop", datetime.now(UTC) - HOUR)
    text = Client(status_app(settings)).get("/").text
    assert "Trainings of all models: 1 of 20 runs, 0.50 of 5 hours spent in 24 hours" in text
    assert "Trainings of all models" not in Client(status_app(world.settings)).get("/").text


def test_what_is_wrong_stands_first_and_a_broken_declaration_breaks_nothing(
    world: World,
) -> None:
    world.incident("credit", "quality", "", "worse than the floor", severity="critical")
    file = world.models / "churn" / "defs.yaml"
    file.write_text(file.read_text("utf-8").replace("task: binary", "task: binry"), "utf-8")
    seen = overview(world.settings, Declarations(world.settings), now=NOON)
    assert [model.name for model in seen.models[:3]] == ["credit", "churn", "shop"]
    assert "defs.yaml:7: task:" in seen.models[1].error


def test_text_of_others_is_no_markup(world: World, client: Client) -> None:
    world.incident("shop", "quality", "<b>", "<script>alert(1)</script>")
    text = client.get("/").text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "script" not in client.get("/").headers["content-security-policy"]


def test_a_dead_daemon_and_what_it_leads_to_stand_on_top(world: World, client: Client) -> None:
    assert "daemon" not in client.get("/").text
    beat(world.settings.home, now=datetime.now(UTC) - timedelta(hours=1))
    assert "nothing is monitored, trained or advanced" in client.get("/").text


def test_it_renews_itself_only_when_asked(client: Client) -> None:
    assert "http-equiv" not in client.get("/").text
    assert 'http-equiv="refresh" content="30"' in client.get("/?refresh=on").text


def test_another_name_for_loopback_is_not_answered(client: Client) -> None:
    assert client.get("/", headers={"host": "evil.example.com"}).status_code == 400


def test_without_keys_there_are_no_buttons_and_orders_are_refused(
    world: World, client: Client
) -> None:
    text = client.get("/").text
    assert "ml-platform key new NAME" in text
    assert "<form" not in text
    answer = give(client, "")
    assert answer.status_code == 403
    assert "ml-platform key new NAME" in answer.text
    assert not world.releases.state("shop").held


def test_a_key_gives_orders_in_its_name(world: World, client: Client) -> None:
    key = world.key()
    assert 'value="hold"' in card(client, "shop")
    answer = give(client, key)
    assert answer.status_code == 200
    assert "held" in answer.text
    last = world.releases.history("shop")[-1]
    assert (last.action, last.who, last.why) == (Action.HOLD, "ada", "look at it")
    assert 'value="resume"' in card(client, "shop")
    assert give(client, key, order="resume").status_code == 200
    assert give(client, key, model="credit", order="approve").status_code == 200
    assert world.releases.state("credit").stage.value == "canary"


def test_a_rollback_answers_with_its_proof(world: World, client: Client) -> None:
    answer = give(client, world.key(), order="rollback")
    assert answer.status_code == 200
    assert "version 2 answers everything, candidate 3 is out" in answer.text
    assert "no service runs that follows the release" in answer.text
    assert world.releases.state("shop").candidate is None


def test_a_rollback_shows_the_key_of_the_form_to_the_service(world: World, client: Client) -> None:
    key = world.key()
    keep_example(world.handles, "shop", 2, {"x": 1})
    with running(StandIn(live=2, predicts=2, key=key)) as service:
        world.worker("shop", service.url)
        answer = give(client, key, order="rollback")
    assert "POST /predict: answered by version 2" in answer.text
    assert "not proven" not in answer.text
    assert key not in answer.text


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example.com", "http://localhost"])
def test_an_order_from_elsewhere_is_refused(
    world: World, client: Client, origin: str | None
) -> None:
    assert give(client, world.key(), origin=origin).status_code == 403
    assert not world.releases.state("shop").held


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"key": "mlp_wrong"}, 401, "or was revoked"),
        ({"order": "delete"}, 400, "valid: approve, hold, resume, rollback"),
        ({"why": " "}, 400, "say why"),
        ({"model": "other"}, 409, "no version of"),
        ({"order": "approve"}, 409, "Not done"),
        ({"model": "churn"}, 409, "released: credit, shop"),
    ],
)
def test_a_wrong_order_says_what_is_wrong(
    world: World, client: Client, form: dict[str, str], status: int, said: str
) -> None:
    answer = give(client, **{"key": world.key(), **form})
    assert answer.status_code == status, answer.text
    assert said in answer.text
    assert not world.releases.state("shop").held


def test_a_revoked_key_gives_no_orders(world: World, client: Client) -> None:
    from ml_platform.serving.http.keys import new_key, revoke

    key = world.key()
    file = world.settings.home / "api_keys"
    new_key(file, "bob")
    revoke(file, "ada")
    assert give(client, key).status_code == 401


def test_a_large_body_is_refused(client: Client) -> None:
    assert give(client, "k" * MOST_BYTES).status_code == 413


def test_a_store_that_is_away_is_said(world: World, client: Client) -> None:
    file = world.settings.home / "release.db"
    for each in world.settings.home.glob("release.db*"):
        each.unlink()
    file.write_text("no database", encoding="utf-8")
    answer = client.get("/")
    assert answer.status_code == 503
    assert "cannot" in answer.text
