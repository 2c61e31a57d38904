"""What the environment says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.exceptions import DeclarationError, StoreError
from ml_platform.settings import Settings
from ml_platform.spec.load import find_declarations, load_declaration
from ml_platform.spec.roots import model_roots
from ml_platform_tests.spec.declarations import write


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with a model, acme.models, that raises when it is imported."""
    package = tmp_path / "site" / "acme"
    write(package / "models" / "shop")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "site"


def models(named: str) -> tuple[Path, ...]:
    return Settings.from_environment({"ML_PLATFORM_MODELS": named}).models


def test_models_of_an_installed_package_are_found_by_its_name(site: Path, tmp_path: Path) -> None:
    settings = Settings.from_environment({"ML_PLATFORM_MODELS": f"{tmp_path}:acme.models"})
    assert settings.models == (tmp_path, site / "acme" / "models")
    file = site / "acme" / "models" / "shop" / "defs.yaml"
    assert file in find_declarations(model_roots(settings))
    assert load_declaration(file).spec.name == "shop"


def test_packages_of_one_namespace_all_bring_their_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for site in ("a", "b"):
        (tmp_path / site / "team" / "models").mkdir(parents=True)
        monkeypatch.syspath_prepend(tmp_path / site)
    assert set(models("team.models")) == {tmp_path / s / "team" / "models" for s in ("a", "b")}


@pytest.mark.usefixtures("site")
def test_folder_of_that_name_goes_before_the_package() -> None:
    Path("acme.models").mkdir()
    assert models("acme.models") == (Path("acme.models").resolve(),)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("named", ["acme.nothing", "nowhere", "os", "a-b"])
def test_neither_folder_nor_package_with_folder_is_told(named: str) -> None:
    (folder,) = models(named)
    assert folder == Path(named).resolve()
    said = f"{named} is not a folder of models, nor is {named} an installed package"
    with pytest.raises(DeclarationError, match=said):
        load_declaration(folder / "defs.yaml")


def test_rows_are_read_up_to_a_time_that_is_one() -> None:
    variable = "ML_PLATFORM_ROWS_BEFORE"
    assert Settings.from_environment({}).rows_before is None
    named = Settings.from_environment({variable: "2013-04-01"}).rows_before
    assert named == datetime(2013, 4, 1, tzinfo=UTC)
    with pytest.raises(StoreError, match="ML_PLATFORM_ROWS_BEFORE is 'April'; valid: a time such"):
        Settings.from_environment({variable: "April"})


def test_addresses_with_their_secrets_are_read_and_never_shown() -> None:
    told = {"ALERT_URLS": "json://a/s3cret", "OWNER_ALERT_URLS": "json://b/s3cret, json://{owner}"}
    settings = Settings.from_environment({f"ML_PLATFORM_{k}": v for k, v in told.items()})
    assert settings.alert_urls == ("json://a/s3cret",)
    assert settings.owner_alert_urls == ("json://b/s3cret", "json://{owner}")
    assert "s3cret" not in f"{settings!r} {settings}"
