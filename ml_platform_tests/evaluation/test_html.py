from datetime import UTC, datetime
from html.parser import HTMLParser

import pandas as pd

from ml_platform.evaluation.evaluate import evaluate
from ml_platform.evaluation.html import evaluation_html
from ml_platform.evaluation.spec import EvaluationSpec
from ml_platform.task import Task
from ml_platform.testing.metrics import example_scores

WHEN = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Tags(HTMLParser):
    """Checks that what is opened is closed, and keeps where pictures come from."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name == "src"]
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_page_holds_metrics_slices_and_pictures_and_needs_nothing_else() -> None:
    target, scores = example_scores(Task.BINARY, rows=50, seed=0)
    frame = pd.DataFrame({"<b>city": ["北京", "<script>"] * 25})
    spec = EvaluationSpec(sensitive=("<b>city",), bootstrap=20)
    found = evaluate(target, scores, task=Task.BINARY, spec=spec, frame=frame)
    page = evaluation_html(
        found,
        model="flight_delays",
        version="7",
        when=WHEN,
        facts={"Snapshot": "version 3"},
        pictures={"roc_curve": b"png"},
    )
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.sources == ["data:image/png;base64,cG5n"]
    text = " ".join(tags.text)
    for expected in ("flight_delays 7", "2024-05-01T12:00:00+00:00", "version 3", "北京"):
        assert expected in text
    assert found.metrics["roc_auc"].text.split()[0] in text
    assert "By <b>city (sensitive)" in text
    assert "<script>" in text
    assert "<script>" not in page
    # each slice has one class only
    assert "not measurable: all rows are of one class" in text
