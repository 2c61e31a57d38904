import pytest

from ml_platform.evaluation.metrics.metric import METRICS, Metric
from ml_platform.testing.metrics import check_metric

NEEDS = {"precision_at": {"percent": 5}, "fpr_at_recall": {"recall": 0.8}}


@pytest.mark.parametrize("name", METRICS.names())
def test_every_metric_keeps_the_contract(name: str) -> None:
    check_metric(METRICS.parse({"type": name, **NEEDS.get(name, {})}))


class Shouted(Metric):
    """A metric of another package that knows nothing of weights."""

    type: str = "shouted"
    tasks = METRICS.find("accuracy").tasks

    def measure(self, target, scores):
        return METRICS.parse({"type": "accuracy"}).measure(target, scores) * 2


def test_metric_without_fast_path_keeps_the_contract_by_dotted_name() -> None:
    metric = METRICS.parse({"type": f"{__name__}:Shouted"})
    assert metric.key == "Shouted"
    check_metric(metric)
