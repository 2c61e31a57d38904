import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.spec.roots import SHIPPED

NO_CLASSIFIER = "  training: {type: sklearn, estimator: sklearn.linear_model.Ridge}"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a copy of a shipped model under another name."""
    folder = tmp_path / "models"
    shutil.copytree(SHIPPED / "credit_risk", folder / "loans")
    file = folder / "loans" / "defs.yaml"
    file.write_text(file.read_text("utf-8").replace("name: credit_risk", "name: loans"), "utf-8")
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(folder))
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_PLATFORM_OWNER_ALERT_URLS", "json://example.com/{owner}")
    return folder


def check(*arguments: str):
    return CliRunner().invoke(main, ["check", *arguments])


def test_sound_models_are_told_and_nothing_is_written(models, tmp_path):
    result = check()
    assert result.exit_code == ExitCode.OK, result.output
    assert "ok     loans" in result.stdout
    assert "ok     flight_delays" in result.stdout
    assert not (tmp_path / "home").exists()


def test_a_problem_is_one_line_with_file_and_line(models):
    file = models / "loans" / "defs.yaml"
    text = file.read_text("utf-8").replace("  task: binary", "  task: binarry")
    file.write_text(text, "utf-8")
    line = text.splitlines().index("  task: binarry") + 1
    result = check()
    assert result.exit_code == ExitCode.USAGE
    assert f"{file}:{line}: task:" in result.stderr
    assert "multiclass" in result.stderr
    assert "ok     flight_delays" in result.stdout


def test_only_the_models_named_are_checked(models):
    (models / "loans" / "defs.yaml").write_text("nonsense", "utf-8")
    assert check("flight_delays").exit_code == ExitCode.OK
    assert check("loans").exit_code == ExitCode.USAGE


def test_an_unknown_model_is_told_with_what_there_is(models):
    result = check("loan")
    assert result.exit_code == ExitCode.USAGE
    assert "did you mean 'loans'?" in result.stderr


def test_a_function_that_is_not_there_is_a_problem(models):
    file = models / "loans" / "defs.yaml"
    text = file.read_text("utf-8").replace("source:load", "source:lode")
    file.write_text(text, "utf-8")
    result = check("loans")
    assert result.exit_code == ExitCode.USAGE
    line = next(i for i, written in enumerate(text.splitlines(), 1) if "lode" in written)
    assert f"{file}:{line}: data.source.function: " in result.stderr
    assert "has no function 'lode' (it has:" in result.stderr


def test_a_training_that_cannot_be_is_a_problem(models):
    file = models / "loans" / "defs.yaml"
    text = re.sub(r"  training:.*(\n    .*)*", NO_CLASSIFIER, file.read_text("utf-8"))
    file.write_text(text, "utf-8")
    result = check("loans")
    assert result.exit_code == ExitCode.USAGE
    line = text.splitlines().index(NO_CLASSIFIER) + 1
    assert f"{file}:{line}: training: sklearn.linear_model.Ridge is no classifier" in result.stderr


def test_an_address_that_apprise_cannot_read_is_a_problem_at_its_line(models):
    file = models / "loans" / "defs.yaml"
    alerts = """
  alerts:
    urls:
      - json://example.com/path
      - slak://t0ken/#ml
    escalate_to: [ops@example.com]
"""
    text = file.read_text("utf-8").rstrip() + alerts
    file.write_text(text, "utf-8")
    line = text.splitlines().index("      - slak://t0ken/#ml") + 1
    result = check("loans")
    assert result.exit_code == ExitCode.USAGE
    assert f"{file}:{line}: alerts.urls[1]: apprise knows no scheme 'slak'" in result.stderr
    assert f"{file}:{line + 1}: alerts.escalate_to[0]: an address without a" in result.stderr
    assert "t0ken" not in result.output


def test_an_address_of_the_platform_that_apprise_cannot_read_is_a_problem(models, monkeypatch):
    addresses = "json://example.com/s3cret, slak://t0ken/#ml ops@example.com"
    monkeypatch.setenv("ML_PLATFORM_ALERT_URLS", addresses)
    result = check("loans")
    assert result.exit_code == ExitCode.USAGE
    assert "ok     loans" in result.stdout
    assert result.stderr.splitlines() == [
        "error  ML_PLATFORM_ALERT_URLS[1]: apprise knows no scheme 'slak'; did you mean 'slack'?",
        "error  ML_PLATFORM_ALERT_URLS[2]: an address without a scheme"
        " (valid: scheme://..., as apprise writes it)",
    ]
    as_json = check("loans", "--json")
    assert as_json.exit_code == ExitCode.USAGE
    model, variable = json.loads(as_json.stdout)
    assert model["ok"]
    assert (variable["variable"], variable["ok"]) == ("ML_PLATFORM_ALERT_URLS", False)
    assert len(variable["problems"]) == 2
    for each in (result, as_json):
        assert not any(secret in each.output for secret in ("s3cret", "t0ken", "ops@"))
    monkeypatch.setenv("ML_PLATFORM_ALERT_URLS", "json://example.com/s3cret")
    assert check("loans").exit_code == ExitCode.OK


def test_a_model_to_whose_owner_nothing_is_sent_is_a_warning(models, monkeypatch):
    monkeypatch.delenv("ML_PLATFORM_OWNER_ALERT_URLS", raising=False)
    file = models / "loans" / "defs.yaml"
    text = file.read_text("utf-8")
    line = next(i for i, written in enumerate(text.splitlines(), 1) if "  owner:" in written)
    result = check("loans")
    assert result.exit_code == ExitCode.OK
    [told] = result.stderr.splitlines()
    assert told.startswith(f"warn   loans  {file}:{line}: owner: nothing is sent to ")
    [shown] = json.loads(check("loans", "--json").stdout)
    assert (shown["ok"], len(shown["warnings"])) == (True, 1)
    monkeypatch.setenv("ML_PLATFORM_OWNER_ALERT_URLS", "mailto://u:s3cret@m.example.com?to={owner}")
    assert check("loans").stderr == ""
    file.write_text(re.sub("owner: .*", "owner: team:loans", text), "utf-8")
    team = check("loans")
    assert "nothing is sent to team:loans: {owner} in a mailto:// must be" in team.stderr
    assert team.exit_code == ExitCode.OK
    monkeypatch.setenv("ML_PLATFORM_OWNER_ALERT_URLS", "slak://s3cret/{owner}")
    wrong = check("loans")
    assert wrong.exit_code == ExitCode.USAGE
    assert "error  ML_PLATFORM_OWNER_ALERT_URLS[0]: apprise knows no scheme 'slak'" in wrong.stderr
    file.write_text(text.rstrip() + "\n  alerts: {automatic: false}\n", "utf-8")
    monkeypatch.delenv("ML_PLATFORM_OWNER_ALERT_URLS")
    assert check("loans").stderr == "", "nobody is to be told"
    assert not any("s3cret" in each.output for each in (team, wrong))


def test_a_name_that_is_taken_is_a_problem(models):
    shutil.copytree(models / "loans", models / "loans_again")
    result = check()
    assert result.exit_code == ExitCode.USAGE
    assert "'loans' is taken by" in result.stderr


def test_json_holds_every_file_and_its_problems(models):
    (models / "loans" / "defs.yaml").write_text("type: x", "utf-8")
    result = check("--json")
    assert result.exit_code == ExitCode.USAGE
    found = {Path(entry["file"]).parent.name: entry for entry in json.loads(result.stdout)}
    assert found["flight_delays"]["ok"]
    assert not found["loans"]["ok"]
    assert "ml_platform.MLModel" in found["loans"]["problems"][0]


def test_a_folder_of_models_that_is_not_there_is_one_clear_line(models, monkeypatch):
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(models / "nowhere"))
    result = check()
    assert result.exit_code == ExitCode.USAGE
    assert "nowhere is not a folder of models" in result.stderr
