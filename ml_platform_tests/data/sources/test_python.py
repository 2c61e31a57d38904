from pathlib import Path

import pytest

from ml_platform.data.sources.python import PythonSource
from ml_platform.exceptions import DeclarationError
from ml_platform.testing.sources import check_source, check_unreadable_source

CODE = """
import pandas as pd

def load(rows=2):
    return pd.DataFrame({"a": range(rows)})

def wrong():
    return [1, 2]

def errs(path):
    return open(path)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "source.py").write_text(CODE)
    return tmp_path


def test_function_of_the_folder_is_called_with_its_parameters(folder: Path):
    assert len(check_source(PythonSource(function="source:load"), folder=folder)) == 2
    source = PythonSource(function="source:load", params={"rows": 5})
    assert len(check_source(source, folder=folder)) == 5


def test_what_is_no_frame_or_empty_is_one_sentence(folder: Path):
    wrong = PythonSource(function="source:wrong")
    assert "returned a list" in check_unreadable_source(wrong, folder=folder)
    empty = PythonSource(function="source:load", params={"rows": 0})
    assert "has no rows" in check_unreadable_source(empty, folder=folder)


def test_what_the_function_raises_goes_on_with_a_note(folder: Path):
    source = PythonSource(function="source:errs", params={"path": "/no/such/file"})
    with pytest.raises(FileNotFoundError) as caught:
        source.read(folder=folder)
    assert caught.value.__notes__ == ["raised by the source source:errs (parameters: path)"]


def test_function_that_is_not_there_names_those_that_are(folder: Path):
    with pytest.raises(DeclarationError, match=r"it has: errs, load, wrong"):
        PythonSource(function="source:laod").read(folder=folder)
