import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ml_platform.evaluation import data_docs
from ml_platform.evaluation.data_docs import write_document, write_index
from ml_platform.evaluation.report import Evaluation, MetricValue
from ml_platform.exceptions import StoreError
from ml_platform.task import Task

SNAPSHOT = {"table": "m/raw_data", "version": 3, "content_hash": "f", "rows": 9, "columns": ["a"]}


def validated(reports: Path, name: str, model: str = "m", *, at: int = 1, **changed: Any) -> None:
    """Keep a validation, written at a second of its own."""
    document = {"when": f"2024-01-01T00:00:{at:02}+00:00", "passed": True, "rows": 1200}
    document |= {"bad_rows": 0, "contract_version": 1, "snapshot": SNAPSHOT, **changed}
    write_document(reports, f"{model}/validation/{name}.json", document)
    os.utime(reports / model / "validation" / f"{name}.json", (at, at))


def evaluated(reports: Path, version: int, *, verdicts: tuple[str, ...] = ("passed",)) -> None:
    metric = MetricValue(key="roc_auc", value=0.8, low=0.7, high=0.9, rows=100)
    evaluation = Evaluation(
        task=Task.BINARY, rows=100, metrics={"roc_auc": metric}, confidence=0.95, rounds=200, seed=1
    )
    document = {
        "when": "2024-01-02T03:04:05+00:00",
        "snapshot": SNAPSHOT,
        "gates": [{"check": "x", "result": {"verdict": verdict}} for verdict in verdicts],
        "evaluation": evaluation.model_dump(mode="json"),
    }
    write_document(reports, f"m/v{version}/evaluation.json", document)


class Links(HTMLParser):
    """Collects where a page leads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for key, value in attrs if tag == "a" and key == "href" and value]


def text_of(page: Path) -> str:
    return re.sub(r"<[^>]*>", " ", page.read_text("utf-8").partition("</head>")[2])


def test_empty_reports_have_an_index_that_says_so(tmp_path):
    write_index(tmp_path / "reports")
    assert "No model has been validated yet" in text_of(tmp_path / "reports" / "index.html")


def test_every_link_of_the_index_leads_to_a_file(tmp_path):
    validated(tmp_path, "aaaa-v1")
    evaluated(tmp_path, 1)
    for page in ("validation/aaaa-v1.html", "v1/evaluation.html", "v1/evidently.html"):
        (tmp_path / "m" / page).write_text("page")
    write_index(tmp_path)
    front, own = tmp_path / "index.html", tmp_path / "m" / "index.html"
    assert {"m/index.html", "m/v1/evaluation.html"} <= set(Links(front).found)
    assert {"v1/evidently.html", "v1/evaluation.json", "../index.html"} <= set(Links(own).found)
    for page in (front, own):
        for address in Links(page).found:
            assert (page.parent / address).is_file(), address


def test_the_latest_stands_first_and_the_worst_verdict_is_told(tmp_path):
    validated(tmp_path, "new-v1", at=9, passed=False, bad_rows=7)
    validated(tmp_path, "old-v1", at=3)
    evaluated(tmp_path, 9)
    evaluated(tmp_path, 10, verdicts=("passed", "failed", "inconclusive", "failed"))
    write_index(tmp_path)
    own, front = text_of(tmp_path / "m" / "index.html"), text_of(tmp_path / "index.html")
    assert own.index("v10") < own.index("v9")
    assert own.index("00:00") < own.rindex("00:00")
    assert "failed (2 of 4)" in own
    assert "roc_auc 0.8 [0.7, 0.9]" in front
    assert "m/validation/new-v1.html" in Links(tmp_path / "index.html").found


def test_a_page_fits_a_phone(tmp_path):
    validated(tmp_path, "a-v1")
    write_index(tmp_path)
    page = (tmp_path / "m" / "index.html").read_text("utf-8")
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in page
    assert page.count('<div class="wide"><table>') == page.count("<table>") > 0


def test_names_are_text_and_never_markup(tmp_path):
    validated(tmp_path, "a-v1", snapshot={"table": "<script>x</script>", "version": 1})
    write_index(tmp_path)
    page = (tmp_path / "m" / "index.html").read_text("utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;x" in page


def test_a_broken_document_is_listed_and_hides_no_other(tmp_path):
    validated(tmp_path, "good-v1", at=1)
    (tmp_path / "m" / "validation" / "bad-v1.json").write_text("{")
    (tmp_path / "m" / "validation" / "odd-v1.json").write_text('{"snapshot": 1, "rows": []}')
    write_index(tmp_path)
    own = text_of(tmp_path / "m" / "index.html")
    assert own.count("cannot be read") == 2
    assert "1,200" in own


def test_a_long_history_is_cut_and_its_rest_told(tmp_path, monkeypatch):
    monkeypatch.setattr(data_docs, "MOST", 2)
    for at in range(5):
        validated(tmp_path, f"s{at}-v1", at=at)
    write_index(tmp_path)
    own = tmp_path / "m" / "index.html"
    assert "3 older ones are in the folder" in text_of(own)
    assert [a for a in Links(own).found if a.endswith(".json")] == [
        "validation/s4-v1.json",
        "validation/s3-v1.json",
    ]


def test_writing_one_model_leaves_the_pages_of_others(tmp_path):
    validated(tmp_path, "a-v1", "one")
    validated(tmp_path, "a-v1", "two")
    write_index(tmp_path)
    untouched = tmp_path / "two" / "index.html"
    untouched.write_text("mine")
    write_index(tmp_path, model="one")
    assert untouched.read_text() == "mine"
    assert {"one/index.html", "two/index.html"} <= set(Links(tmp_path / "index.html").found)


def test_processes_at_once_lose_no_entry_and_leave_no_rubbish(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from ml_platform_tests.evaluation.test_data_docs import validated, write_index\n"
        "reports, who = Path(sys.argv[1]), sys.argv[2]\n"
        "for at in range(10):\n"
        "    validated(reports, f'{who}{at}-v1', at=at)\n"
        "    write_index(reports, model='m')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    running = [subprocess.Popen([*command, who]) for who in "abc"]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    listed = [a for a in Links(tmp_path / "m" / "index.html").found if a.endswith(".json")]
    assert len(listed) == 30
    assert not [file.name for file in tmp_path.rglob("*unfinished*")]


def test_reports_that_cannot_be_written_are_a_store_error(tmp_path):
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(StoreError, match="cannot write the index"):
        write_index(tmp_path / "reports")


def test_documents_hold_no_numbers_that_json_has_no_word_for(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_document(tmp_path, "m/validation/a.json", {"value": float("nan")})
    write_document(tmp_path, "m/validation/a.json", {"name": "Zürich"})
    assert json.loads((tmp_path / "m/validation/a.json").read_text("utf-8")) == {"name": "Zürich"}
