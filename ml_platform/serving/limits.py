"""How much one request may ask for."""

from pydantic import Field

from ml_platform.plugins import Strict


class Limits(Strict):
    """What is more than this is refused before any work is done for it.

    body_bytes: the size of a request body, in bytes.
    records: the records in one batch.
    text: the characters in one text field, or in a prediction id.
    """

    body_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    records: int = Field(default=1000, gt=0)
    text: int = Field(default=1024, gt=0)


DEFAULT_LIMITS = Limits()
