"""Documents of a run that verdicts rest on: logged with their hash, read only where it holds.

The hash is a tag of the run, which whoever may write artifacts alone cannot write.
"""

from hashlib import sha256

from ml_platform.registry.version import VersionRegistry


def seal(registry: VersionRegistry, run_id: str, path: str, text: str) -> None:
    """Log a document of a run, then its hash: killed in between, it does not hold."""
    folder, _, file = path.rpartition("/")
    registry.log_artifacts(run_id, {file: text}, under=folder)
    registry.log_training(run_id, tags={_tag(path): _digest(text)})


def sealed(registry: VersionRegistry, run_id: str, path: str) -> str | None:
    """Return a document as it was sealed; None where it is gone, or was altered since."""
    text = registry.read_artifact_text(run_id, path)
    if text is None or registry.run_tags(run_id).get(_tag(path)) != _digest(text):
        return None
    return text


def _tag(path: str) -> str:
    return f"sha256 of {path}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
