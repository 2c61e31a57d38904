import re
from pathlib import Path

from ml_platform.settings import Settings

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"ML_PLATFORM_[A-Z]+(?:_[A-Z]+)*\b")


def test_document_lists_every_variable_that_the_code_knows() -> None:
    known = {f"ML_PLATFORM_{name.upper()}" for name in Settings.model_fields}
    for file in ROOT.glob("ml_platform/**/*.py"):
        known.update(NAME.findall(file.read_text(encoding="utf-8")))
    table = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(ML_PLATFORM_\w+)`", table, re.MULTILINE))
    assert listed == known


def test_documented_defaults_are_the_defaults() -> None:
    settings = Settings.from_environment({"ML_PLATFORM_HOME": "/srv/ml"})
    assert settings.data_url == "/srv/ml/data"
    assert settings.release_url == "sqlite:////srv/ml/release.db"
    assert settings.dagster_home == Path("/srv/ml/dagster")
    assert settings.reports_address == "http://127.0.0.1:3080"
    assert settings.mlflow_address == "http://127.0.0.1:5000"
    assert settings.dagster_address == "http://127.0.0.1:3000"
