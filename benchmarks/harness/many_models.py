"""Many declared models, each the small one of the tests under a name of its own."""

from pathlib import Path

from harness.interleaved import ROOT

MODEL = ROOT / "ml_platform_tests" / "models" / "small_credit"
COMPARED = "    - {type: no_regression, metric: roc_auc, tolerance: 0.02}\n"


def declare(folder: Path, count: int, *, also: str) -> list[str]:
    """Write `count` models, each in a folder of its own; also: lines of the YAML. Their names."""
    text = (MODEL / "defs.yaml").read_text() + COMPARED + also
    names = [f"model_{number:04d}" for number in range(count)]
    for name in names:
        model = folder / name
        model.mkdir(parents=True)
        (model / "defs.yaml").write_text(text.replace("name: small_credit", f"name: {name}"))
        for file in ("source.py", "features.py"):
            (model / file).write_bytes((MODEL / file).read_bytes())
    return names
