"""Plugins that another package offers by entry points, as one that pip has installed."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform import plugins
from ml_platform.evaluation.metrics.metric import METRICS
from ml_platform.evaluation.spec import metric_names
from ml_platform.exceptions import DeclarationError, UnusablePlugin
from ml_platform.gates.gate import GATES
from ml_platform.spec.load import load_declaration
from ml_platform.task import Task
from ml_platform_tests.spec.declarations import VALID, line_of, write

MODULE = """\
from typing import Literal

from ml_platform.evaluation.metrics.ranked import RocAuc
from ml_platform.gates.minimum_metric import MinimumMetric


class Strict(MinimumMetric):
    type: Literal["acme_strict"] = "acme_strict"
    people: int = 2


class Auc(RocAuc):
    type: Literal["acme_auc"] = "acme_auc"
"""


class Packages:
    """Installs packages below a folder on the import path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, offers: str, code: str = MODULE) -> None:
        """Add a package of one module with these lines of `entry_points.txt`."""
        module = name.replace("-", "_")
        about = self.folder / f"{module}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(offers)
        (self.folder / f"{module}.py").write_text(code)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    """A process that has not looked for plugins yet, and where packages can be installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    for registry in (GATES, METRICS):
        monkeypatch.setattr(registry, "_resolved", {})
        monkeypatch.delattr(registry, "_offered")  # looks it up, to put it back
    plugins._entry_points.cache_clear()
    yield Packages(folder)
    plugins._entry_points.cache_clear()


def refused(file: Path) -> str:
    with pytest.raises(DeclarationError) as caught:
        load_declaration(file)
    return str(caught.value)


def test_what_a_package_offers_is_valid_yaml_at_once(packages: Packages, tmp_path: Path) -> None:
    offers = "[ml_platform.gates]\nfour_eyes = acme_a:Strict\n"
    packages.install("acme-a", f"{offers}[ml_platform.metrics]\nacme_auc = acme_a:Auc\n")
    text = VALID.replace("type: minimum_metric,", "type: four_eyes, people: 4,")
    text = text.replace("metrics: [roc_auc]", "metrics: [roc_auc, {type: acme_auc}]")
    spec = load_declaration(write(tmp_path, text)).spec
    assert spec.gates[0].model_dump()["people"] == 4
    assert spec.gates[0].type == "four_eyes"
    assert type(spec.evaluation.metrics[1]).__module__ == "acme_a"
    wrong = refused(write(tmp_path, text.replace("people: 4", "peple: 4")))
    assert "peple: unknown field; did you mean 'people'?" in wrong


def test_what_a_package_offers_is_among_the_valid_names(packages: Packages, tmp_path: Path) -> None:
    packages.install("acme-b", "[ml_platform.gates]\nfour_eyes = acme_b:Strict\n")
    file = write(tmp_path, VALID.replace("type: minimum_metric", "type: for_eyes"))
    assert "unknown gate 'for_eyes'; did you mean 'four_eyes'?" in refused(file)


def test_a_broken_offer_is_told_where_it_is_named_and_nowhere_else(
    packages: Packages, tmp_path: Path
) -> None:
    offers = (
        "[ml_platform.gates]\nfour_eyes = acme_c:Strict\n[ml_platform.metrics]\ngain = acme_c:G\n"
    )
    packages.install("acme-c", offers, "open('/no/such/licence')\n")
    assert load_declaration(write(tmp_path / "shop")).spec.name == "shop"
    assert "gain" not in metric_names(Task.BINARY)
    text = VALID.replace("metrics: [roc_auc]", "metrics: [gain]")
    text = text.replace("type: minimum_metric", "type: four_eyes")
    error = refused(write(tmp_path / "other", text))
    for field, named in (
        ("gates[0]: gate", "four_eyes"),
        ("evaluation.metrics[0]: metric", "gain"),
    ):
        where = (
            f"defs.yaml:{line_of(text, named)}: {field} '{named}' cannot be used: importing acme_c:"
        )
        assert where in error
    assert error.count("raised FileNotFoundError: ") == 2
    assert "/no/such/licence" in error


def test_a_shipped_name_keeps_its_meaning_and_the_clash_is_told(
    packages: Packages, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    packages.install("acme-d", "[ml_platform.gates]\nminimum_metric = acme_d:Strict\n")
    file = write(tmp_path)
    with caplog.at_level(logging.WARNING):
        found = [load_declaration(file).spec.gates[0] for _ in range(2)]
    assert {type(gate).__module__ for gate in found} == {"ml_platform.gates.minimum_metric"}
    [told] = caplog.messages
    assert "the package acme-d offers a gate 'minimum_metric'" in told
    assert "`type: acme_d:Strict` the other" in told


def test_a_name_that_two_packages_offer_is_refused_and_both_are_told(packages: Packages) -> None:
    for name in ("acme-e", "acme-f"):
        module = name.replace("-", "_")
        packages.install(name, f"[ml_platform.gates]\nfour_eyes = {module}:Strict\n")
    with pytest.raises(UnusablePlugin) as caught:
        GATES.find("four_eyes")
    assert "the package acme-e (acme_e:Strict)" in str(caught.value)
    assert "the package acme-f (acme_f:Strict)" in str(caught.value)
    assert GATES.find("acme_f:Strict").__module__ == "acme_f"


def test_an_offer_of_another_kind_is_told(packages: Packages) -> None:
    packages.install("acme-g", "[ml_platform.gates]\nfour_eyes = acme_g:Auc\n")
    with pytest.raises(UnusablePlugin, match="acme_g:Auc is not a gate"):
        GATES.find("four_eyes")
