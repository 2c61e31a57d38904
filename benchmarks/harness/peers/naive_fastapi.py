"""FastAPI with a scikit-learn pipeline on a DataFrame."""

from fastapi import FastAPI
from flight import Flight, answer

app = FastAPI()


@app.post("/predict")
def predict(flight: Flight) -> dict[str, float]:
    """Answer one flight."""
    return answer(flight)
