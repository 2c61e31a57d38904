from pathlib import Path

import pytest

from ml_platform.cli.declaration_diff import Edit
from ml_platform.exceptions import DeclarationError
from ml_platform.gates.proposals import Proposal
from ml_platform.spec.load import load_declaration
from ml_platform_tests.component.running import small_credit

FLOOR = "floor: 0.7}"


def proposal(proposed: str, **other) -> Proposal:
    given = {
        "check": "minimum_metric_roc_auc",
        "place": 0,
        "field": "floor",
        "declared": 0.7,
        "noise": 0.01,
        "centre": 0.8,
        "proposed": proposed,
        "basis": "",
    }
    return Proposal(**{**given, **other})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A declaration with Windows line ends and a comment behind the number."""
    file = small_credit(tmp_path / "small_credit").file
    text = file.read_text("utf-8").replace(FLOOR, f"{FLOOR}  # agreed: 0.7").replace("\n", "\r\n")
    file.write_bytes(text.encode())
    return file


def test_apply_changes_the_number_and_nothing_else(file):
    before = file.read_bytes()
    edit = Edit.of(file, Edit.read(file), [proposal("0.75")])
    assert file.read_bytes() == before
    edit.apply()
    assert file.read_bytes() == before.replace(b"floor: 0.7}", b"floor: 0.75}")
    assert load_declaration(file).spec.gates[0].model_dump()["floor"] == 0.75
    assert [path.name for path in file.parent.glob(".*")] == []


def test_the_diff_shows_one_line_before_and_after(file):
    diff = Edit.of(file, Edit.read(file), [proposal("0.75")]).diff
    changed = [line for line in diff.splitlines() if line[:1] in "+-"]
    assert changed == [
        "--- a/small_credit/defs.yaml",
        "+++ b/small_credit/defs.yaml",
        "-    - {type: minimum_metric, metric: roc_auc, floor: 0.7}  # agreed: 0.7",
        "+    - {type: minimum_metric, metric: roc_auc, floor: 0.75}  # agreed: 0.7",
    ]


def test_an_equal_number_is_no_change(file):
    edit = Edit.of(file, Edit.read(file), [proposal("0.70")])
    assert edit.diff == ""
    edit.apply()


def test_a_file_that_changed_meanwhile_stays_as_it_is(file):
    edit = Edit.of(file, Edit.read(file), [proposal("0.75")])
    file.write_bytes(file.read_bytes() + b"# more\r\n")
    with pytest.raises(DeclarationError, match="changed meanwhile"):
        edit.apply()
    assert file.read_bytes().endswith(b"# more\r\n")


def test_a_result_that_does_not_load_is_not_written(file):
    before = file.read_bytes()
    edit = Edit.of(file, Edit.read(file), [proposal("0.75")])
    broken = Edit(file, edit.before, edit.after.replace("task: binary", "task: binar"), [])
    with pytest.raises(DeclarationError, match="task"):
        broken.apply()
    assert file.read_bytes() == before
    assert list(file.parent.glob(".*")) == []


def test_a_number_from_the_environment_is_named_and_not_edited(file):
    text = Edit.read(file).replace("floor: 0.7}", 'floor: "{{ env.FLOOR }}"}')
    edit = Edit.of(file, text, [proposal("0.75")])
    assert edit.diff == ""
    assert "0.75 is proposed" in edit.not_edited[0]
