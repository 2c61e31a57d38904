"""One release as it is: `bentoml serve <tag>`."""

from collections.abc import Callable
from typing import Any

from ml_platform.serving.counters import Counters
from ml_platform.serving.live.census import census_of
from ml_platform.serving.live.lineup import Lineup, served_as
from ml_platform.serving.predictor import Predictor


class FixedRelease:
    """A version that answers everything, whatever the release store says.

    key: the field of a record that is its key; None makes it the prediction id.
    explores: tells of a key whether its decision is made at random; None where none ever is.
    """

    def __init__(
        self,
        predictor: Predictor,
        counters: Counters,
        *,
        key: str | None = None,
        explores: Callable[[str], bool] | None = None,
    ) -> None:
        served = served_as("champion", predictor, counters, census_of(predictor.model))
        self.lineup = Lineup(champion=served, fallback=served, key_column=key, explores=explores)

    def health(self) -> dict[str, Any]:
        """Nothing to add."""
        return {}

    def about(self) -> dict[str, Any]:
        """Nothing to add."""
        return {}
