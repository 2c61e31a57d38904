"""What of a sound declaration cannot be used."""

import pytest

from ml_platform.exceptions import DeclarationError
from ml_platform.spec.load import load_declaration
from ml_platform.spec.usable import require_trainable, unusable
from ml_platform.task import Task
from ml_platform.training.trainers.xgboost import XGBoost
from ml_platform_tests.spec.declarations import VALID, line_of, write

TRAINING = "{type: xgboost, rounds: 10, seed: 7}"


FUNCTIONS = {
    "data.source.function": "own:rows",
    "data.contract.table.rules[1].function": "own:cheap",
    "gates[0].function": "own:calm",
    "feedback.kpis[0].function": "own:profit",
    "features.transform": "own:build",
}
"""Every field that names a function, and the function in `OWN` that `NAMING` names there."""

OWN = "rows = cheap = build = calm = profit = len"

NAMING = """\
type: ml_platform.MLModel
attributes:
  name: shop
  owner: shop@example.com
  description: Will the customer come back?
  intended_use: Mailings.
  task: binary
  data:
    source:
      type: python
      function: own:rows
    target: back
    contract:
      version: 1
      columns: {amount: {dtype: float64}, back: {dtype: int64}}
      table:
        rules:
          - {name: small, expression: amount < 9}
          - name: cheap
            function: own:cheap
  features:
    numeric: [amount]
    transform: own:build
  split: {type: random}
  training: {type: xgboost}
  gates:
    - type: custom
      function: own:calm
  training_data: {feedback: false}
  feedback:
    label_delay: 1d
    kpis:
      - name: profit
        function: own:profit
"""


class Careless(XGBoost):
    """A trainer of another team whose check has a bug."""

    def check(self, *, task: Task) -> None:
        raise KeyError(task)


@pytest.mark.parametrize(
    ("training", "says"),
    [
        ("{type: sklearn, estimator: sklearn.linear_model.Nothing}", "no estimator 'Nothing'"),
        ("{type: sklearn, estimator: sklearn.linear_model.Ridge}", "is no classifier"),
        (
            "{type: xgboost, params: {objective: reg:squarederror}}",
            "does not fit task binary; valid: binary:logistic",
        ),
        (f"{{type: '{__name__}:Careless'}}", "checking it raised KeyError"),
    ],
)
def test_training_that_cannot_be_is_told_with_its_line(tmp_path, training, says) -> None:
    text = VALID.replace(TRAINING, training)
    file = write(tmp_path, text)
    (problem,) = unusable(load_declaration(file))
    assert problem.startswith(f"{file}:{line_of(text, 'training:')}: training: ")
    assert says in problem
    with pytest.raises(DeclarationError) as caught:
        require_trainable(load_declaration(file))
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("field", "path", "says"),
    [
        *((field, "own:nothing", "'own' has no function 'nothing' (") for field in FUNCTIONS),
        *(
            (field, "nothere:load", "cannot import 'nothere' for ")
            for field in list(FUNCTIONS)[:-1]
        ),
    ],
)
def test_function_that_is_not_there_is_told_with_its_line(tmp_path, field, path, says) -> None:
    text = NAMING.replace(FUNCTIONS[field], path)
    file = write(tmp_path, text)
    (tmp_path / "own.py").write_text(OWN)
    (problem,) = unusable(load_declaration(file))
    assert problem.startswith(f"{file}:{line_of(text, path)}: {field}: {says}")


def test_transform_that_is_not_beside_the_declaration_is_told(tmp_path) -> None:
    text = NAMING.replace("own:build", "json:dumps")
    file = write(tmp_path, text)
    (tmp_path / "own.py").write_text(OWN)
    (problem,) = unusable(load_declaration(file))
    place = f"{file}:{line_of(text, 'json:dumps')}: features.transform: "
    assert (
        problem == f"{place}{tmp_path / 'json.py'} is not there; 'json:dumps' must lie in that file"
    )


def test_everything_that_cannot_be_used_is_told_at_once(tmp_path) -> None:
    text = NAMING.replace("{type: xgboost}", "{type: sklearn, estimator: os.system}")
    file = write(tmp_path, text)
    (tmp_path / "own.py").write_text('raise RuntimeError("a\\nb")')
    problems = unusable(load_declaration(file))
    told = [problem.removeprefix(f"{file}:").split(": ")[1] for problem in problems]
    assert told == [*FUNCTIONS, "training"]
    assert all("RuntimeError when imported: a b" in problem for problem in problems[:-1])


def test_nothing_is_told_of_what_can_be_used(tmp_path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    declaration = load_declaration(write(tmp_path, NAMING))
    assert unusable(declaration) == []
    require_trainable(declaration)
