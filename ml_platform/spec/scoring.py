"""Which rows a model scores in one go, outside of its service."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ml_platform.plugins import Strict


def local_path(text: str) -> str:
    """Return a path as it is; raises ValueError for a URL, as rows are scored from disk to disk."""
    if "://" in text:
        raise ValueError(f"{text} is a URL; rows are scored from and to local files and folders")
    return text


class ScoringSpec(Strict):
    """Rows to score whenever the asset `batch_predictions` is materialized."""

    input: Annotated[str, AfterValidator(local_path)] = Field(
        min_length=1,
        description="A Parquet or CSV file, a folder of Parquet files or a Delta table; relative "
        "to the declaration.",
    )
    output: Annotated[str, AfterValidator(local_path)] = Field(
        min_length=1,
        description="Where the rows go with their predictions: a name that ends in .parquet or "
        ".csv, or else a Delta table; relative to the declaration.",
    )
    on_invalid: Literal["fail", "quarantine"] = Field(
        default="fail",
        description="Whether a row that breaks the contract fails the scoring, or is left out and "
        "listed in a file beside the output.",
    )
