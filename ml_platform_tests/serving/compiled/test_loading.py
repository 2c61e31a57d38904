import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.serving.compiled import loading


def test_machine_code_is_kept_below_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    folder = loading.cache_folder()

    assert folder == tmp_path / "ml_platform" / "kernels"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_folder_that_others_can_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    loading.cache_folder().chmod(0o777)

    folder = loading.cache_folder()

    assert tmp_path not in folder.parents
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()


def test_cache_that_is_a_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "ml_platform").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    folder = loading.cache_folder()

    assert tmp_path not in folder.parents
    folder.rmdir()


def test_compiled_package_imports_no_compiler_until_it_scores():
    code = (
        "import sys, ml_platform.serving.scoring\n"
        "print({'numba', 'sklearn', 'xgboost', 'bentoml'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
