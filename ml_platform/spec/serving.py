"""How a model is served; a Bento holds a copy, so this module knows nothing but pydantic."""

from typing import Literal

from pydantic import Field

from ml_platform.plugins import Strict


class JournalSpec(Strict):
    """How predictions are logged before they are answered."""

    durability: Literal["process", "power"] = Field(
        default="process",
        description="What an answered prediction survives: the death of the process, or that of "
        "the machine (fsync).",
    )
    on_full: Literal["refuse", "serve_unlogged"] = Field(
        default="refuse",
        description="What happens when the journal cannot be written: 503, or an answer that is "
        "not logged, counted.",
    )
    segment_mb: int = Field(default=64, gt=0, description="A segment is closed at this size.")
    segment_seconds: int = Field(default=60, gt=0, description="A segment is closed at this age.")
    sensitive: Literal["keep", "hash", "drop"] = Field(
        default="hash", description="What is logged of columns that the contract calls sensitive."
    )
    retention_days: int | None = Field(
        default=None,
        gt=0,
        description="How long the inference table keeps a day; for ever if null.",
    )
    automatic: bool = Field(
        default=True,
        description="Whether the platform ingests the journal, and forgets days, by itself.",
    )

    @property
    def segment_bytes(self) -> int:
        """Size at which a segment is closed."""
        return self.segment_mb * 1024 * 1024


class LimitsSpec(Strict):
    """What one request may ask for; what is more is refused before any work is done for it."""

    body_bytes: int = Field(default=4 * 1024 * 1024, gt=0, description="Size of a request body.")
    records: int = Field(default=1000, gt=0, description="Records in one batch.")
    text: int = Field(default=1024, gt=0, description="Characters in one text field.")
    depth: int = Field(default=5, gt=0, description="Nesting of lists and objects in a body.")
    request_seconds: float = Field(
        default=30.0, gt=0, description="From the first byte of a request to its last."
    )
    in_flight: int = Field(
        default=1000,
        gt=0,
        description="Requests under way in a worker; 503 with Retry-After above.",
    )
    hang_seconds: float = Field(
        default=60.0,
        ge=1,
        description="A worker that stands still for so long, as a transform hangs, is ended, and "
        "another begun.",
    )


class ServingSpec(Strict):
    """The inference service of the model."""

    workers: int | None = Field(
        default=None, gt=0, description="Processes that answer; one for each core if null."
    )
    journal: JournalSpec = JournalSpec()
    limits: LimitsSpec = LimitsSpec()
    candidate_timeout_ms: float = Field(
        default=100.0,
        gt=0,
        description="A candidate that takes longer is cut out, and the champion answers.",
    )
    keep_warm: str = Field(
        default="1h",
        pattern=r"^\d+[smhd]$",
        description="How long a replaced champion stays loaded for a rollback.",
    )
    machine_hour_price: float | None = Field(
        default=None, ge=0, description="Price of the serving machine an hour, for cost figures."
    )
