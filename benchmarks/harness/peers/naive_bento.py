"""A BentoML service as its introduction has it: `@bentoml.api`, pydantic in, a pipeline behind."""

import bentoml
from flight import Flight, answer


@bentoml.service
class Naive:
    """Predictions of flights."""

    @bentoml.api
    def predict(self, flight: Flight) -> dict[str, float]:
        """Answer one flight."""
        return answer(flight)
