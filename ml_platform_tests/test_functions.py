import json
from pathlib import Path

import pytest

from ml_platform.exceptions import DeclarationError
from ml_platform.functions import load_function


def test_a_dotted_function_is_imported(tmp_path: Path):
    assert load_function("json:dumps", folder=tmp_path) is json.dumps


def test_a_file_in_the_folder_comes_before_the_import_path(tmp_path: Path):
    (tmp_path / "json.py").write_text("def dumps():\n    return 'mine'\n")
    assert load_function("json:dumps", folder=tmp_path)() == "mine"


def test_two_folders_may_hold_a_file_of_one_name(tmp_path: Path):
    answers: list[str] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "features.py").write_text(f"def build():\n    return {name!r}\n")
        answers.append(load_function("features:build", folder=tmp_path / name)())
    assert answers == ["one", "two"]


def test_a_changed_file_is_read_anew(tmp_path: Path):
    file = tmp_path / "features.py"
    answers: list[int] = []
    for number in (1, 2):
        file.write_text(f"def build():\n    return {number}\n")
        answers.append(load_function("features:build", folder=tmp_path)())
    assert answers == [1, 2]


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("features", "", "write it as `module:function`"),
        ("features:build", "def other(): ...", r"no function 'build' \(it has: other\)"),
        ("features:build", "def build(:", "raised SyntaxError when imported"),
        ("features:build", "1 / 0", "raised ZeroDivisionError when imported"),
        ("features:build", "import not_there", "cannot import 'features'"),
        ("nowhere:build", "", "cannot import 'nowhere'.*looked for"),
    ],
)
def test_what_cannot_be_found_or_run_is_a_declaration_error(
    path: str, code: str, says: str, tmp_path: Path
):
    (tmp_path / "features.py").write_text(code)
    with pytest.raises(DeclarationError, match=says):
        load_function(path, folder=tmp_path)
