"""A Bento of a few files, as far as it is looked at before it is served."""

import json
from hashlib import sha256
from pathlib import Path


def small_bento(bentos: Path, model: str, version: int) -> Path:
    """Write it into the store; the folder of its model's files."""
    source = bentos / "bentos" / model / str(version) / "src"
    (source / "model").mkdir(parents=True)
    manifest = json.dumps({"files": {"trees": sha256(b"trees").hexdigest()}})
    (source / "model" / "trees").write_bytes(b"trees")
    (source / "model" / "model.json").write_text(manifest)
    digest = sha256(manifest.encode()).hexdigest()
    (source / "bundle.json").write_text(json.dumps({"model_hash": digest}))
    return source / "model"
