"""Documents that verdicts rest on are read only as they were logged."""

from ml_platform.registry.memory import InMemoryRegistry
from ml_platform.registry.sealed import seal, sealed

PATH = "gates/training.json"


def test_document_holds_until_it_is_altered_or_gone() -> None:
    registry = InMemoryRegistry()
    run_id = registry.open_run("m", dagster_run_id="d")
    assert sealed(registry, run_id, PATH) is None
    seal(registry, run_id, PATH, "{ü}")
    assert sealed(registry, run_id, PATH) == "{ü}"
    seal(registry, run_id, PATH, "{newer}")
    assert sealed(registry, run_id, PATH) == "{newer}"
    registry.log_artifacts(run_id, {"training.json": "{another}"}, under="gates")
    assert sealed(registry, run_id, PATH) is None


def test_document_of_before_its_seal_does_not_hold() -> None:
    registry = InMemoryRegistry()
    run_id = registry.open_run("m", dagster_run_id="d")
    registry.log_artifacts(run_id, {"a.json": "{}"})
    assert sealed(registry, run_id, "a.json") is None
