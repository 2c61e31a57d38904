"""What `pip install` brings; `make wheel-check` installs it, which needs an index."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def shipped() -> set[str]:
    """The files that setuptools puts into the wheel, as pyproject.toml declares them."""
    setuptools = pytest.importorskip("setuptools", reason="comes with python -m venv")
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    include = declared["packages"]["find"]["include"]
    distribution = setuptools.Distribution(
        {
            "packages": setuptools.find_namespace_packages(str(ROOT), include=include),
            "package_data": {"": declared["package-data"]["*"]},
            "package_dir": {"": str(ROOT)},
            "include_package_data": declared["include-package-data"],
            "script_name": "setup.py",
        }
    )
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    outputs = build.get_outputs(include_bytecode=False)
    return {Path(file).relative_to(build.build_lib).as_posix() for file in outputs}


def test_wheel_has_all_that_the_package_reads_beside_its_code(shipped: set[str]) -> None:
    assert shipped >= {
        "ml_platform/py.typed",
        "ml_platform/component/dagster.yaml",
        "ml_platform/defs/flight_delays/defs.yaml",
        "ml_platform/registry/mlflow_store.sql",
        "ml_platform/serving/http/docs.html",
    }


def test_wheel_leaves_out_no_file_of_the_package_and_brings_no_other(shipped: set[str]) -> None:
    package = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "ml_platform").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    models = "ml_platform/defs/"  # where a developer's own may lie, with their data
    assert {name for name in package - shipped if not name.startswith(models)} == set()
    assert shipped - package == set()
