"""Who trains now: cool-downs, budgets, priorities."""

from datetime import UTC, datetime, timedelta

from ml_platform.retraining.budget import Budget, Spent, TrainingRun
from ml_platform.retraining.plan import Start, Wait, Wish, plan
from ml_platform.retraining.triggers import Reason, Trigger
from ml_platform.spec.retraining import RetrainingSpec

NOW = datetime(2013, 4, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LABELS = Reason(trigger=Trigger.NEW_LABELS, key="7", text="5,000 labels are new")
DRIFT = Reason(trigger=Trigger.DRIFT, key="2013-04-01", text="distance drifted")


def wish(model: str = "m", *reasons: Reason, gpu: bool = False, **spec: object) -> Wish:
    return Wish(model, reasons or (LABELS,), RetrainingSpec.model_validate(spec), gpu)


def run(model: str, ago: timedelta, took: timedelta | None = HOUR, *, gpu: bool = False):
    started = NOW - ago
    finished = None if took is None else started + took
    return TrainingRun(model=model, run_id="r", started=started, finished=finished, gpu=gpu)


def waits(decision: Start | Wait) -> str:
    assert isinstance(decision, Wait)
    return decision.because


def test_triggers_that_fire_together_make_one_run_that_names_them_all() -> None:
    [start] = plan([wish("m", LABELS, DRIFT)], [], budget=Budget(), now=NOW)
    assert isinstance(start, Start)
    assert start.why == "5,000 labels are new; distance drifted"


def test_run_key_depends_on_what_fired_and_not_on_the_order_or_the_time() -> None:
    [one] = plan([wish("m", LABELS, DRIFT)], [], budget=Budget(), now=NOW)
    [two] = plan([wish("m", DRIFT, LABELS)], [], budget=Budget(), now=NOW + HOUR)
    [other] = plan([wish("m", DRIFT)], [], budget=Budget(), now=NOW)
    assert isinstance(one, Start)
    assert isinstance(two, Start)
    assert isinstance(other, Start)
    assert one.run_key == two.run_key != other.run_key


def test_a_model_in_training_waits_however_long_it_takes() -> None:
    [decision] = plan([wish()], [run("m", 30 * HOUR, None)], budget=Budget(), now=NOW)
    assert waits(decision) == "it is being trained already"


def test_cooldown_counts_from_the_start_of_the_last_run() -> None:
    [cooling] = plan([wish(cooldown="6h")], [run("m", 5 * HOUR)], budget=Budget(), now=NOW)
    assert "cooling down until 2013-04-02T13:00+00:00" in waits(cooling)
    [free] = plan([wish(cooldown="5h")], [run("m", 5 * HOUR)], budget=Budget(), now=NOW)
    assert isinstance(free, Start)


def test_own_budget_of_runs_is_of_the_last_24_hours() -> None:
    runs = [run("m", n * HOUR) for n in (7, 12, 20, 23)]
    [decision] = plan([wish(max_runs_per_day=4)], runs, budget=Budget(), now=NOW)
    assert waits(decision) == "its own budget: 4 of 4 runs in 24 hours are spent"
    runs[-1] = run("m", 26 * HOUR)
    assert isinstance(plan([wish(max_runs_per_day=4)], runs, budget=Budget(), now=NOW)[0], Start)


def test_hours_count_only_what_lies_in_the_last_24() -> None:
    runs = [run("m", 30 * HOUR, 10 * HOUR)]  # 4 of its 10 hours are within
    assert isinstance(plan([wish(max_hours_per_day=4.1)], runs, budget=Budget(), now=NOW)[0], Start)
    [decision] = plan([wish(max_hours_per_day=4)], runs, budget=Budget(), now=NOW)
    assert waits(decision) == "its own budget: 4.00 of 4 hours in 24 hours are spent"


def test_gpu_hours_bind_those_who_need_a_gpu() -> None:
    runs = [run("m", 10 * HOUR, 2 * HOUR, gpu=True)]
    [with_gpu] = plan([wish(gpu=True, max_gpu_hours_per_day=1)], runs, budget=Budget(), now=NOW)
    [without] = plan([wish(max_gpu_hours_per_day=1)], runs, budget=Budget(), now=NOW)
    assert "GPU hours" in waits(with_gpu)
    assert isinstance(without, Start)
    wishes = [wish("a", gpu=True), wish("b")]
    waiting, starting = plan(wishes, runs, budget=Budget(gpu_hours=1), now=NOW)
    assert waits(waiting) == "the budget of all models: 2.00 of 1 GPU hours in 24 hours are spent"
    assert isinstance(starting, Start)


def test_short_budget_of_all_goes_to_the_higher_priority() -> None:
    wishes = [wish("a"), wish("b", priority=5), wish("c")]
    decided = plan(wishes, [], budget=Budget(runs=1), now=NOW)
    assert [(d.wish.model, type(d)) for d in decided] == [("b", Start), ("a", Wait), ("c", Wait)]
    assert waits(decided[1]) == "the budget of all models: 1 of 1 runs in 24 hours are spent"


def test_runs_of_other_models_do_not_cool_a_model_down() -> None:
    [decision] = plan([wish("m")], [run("other", HOUR, None)], budget=Budget(), now=NOW)
    assert isinstance(decision, Start)


def test_a_budget_tells_how_much_of_each_limit_is_spent() -> None:
    spent = Spent.of([run("m", 2 * HOUR), run("m", HOUR / 2, None, gpu=True)], now=NOW)
    assert Budget().told(spent) == ""
    told = Budget(runs=4, hours=8, gpu_hours=1).told(spent)
    assert told == "2 of 4 runs, 1.50 of 8 hours, 0.50 of 1 GPU hours spent in 24 hours"
