"""The record of the services that one writes by hand, and the pipeline that they ask."""

import os

import joblib
import pandas as pd
from pydantic import BaseModel


class Flight(BaseModel):
    """What the model reads of a flight."""

    carrier: str
    origin: str
    dest: str
    dep_delay: float
    distance: float
    scheduled_hour: float
    scheduled_minutes: float
    weekday: float
    plane_age: float | None
    seats: float | None
    temp: float | None
    dewp: float | None
    humid: float | None
    wind_dir: float | None
    wind_speed: float | None
    precip: float | None
    pressure: float | None
    visib: float | None


NUMBERS = [name for name in Flight.model_fields if name not in ("carrier", "origin", "dest")]

pipeline = joblib.load(os.environ["BENCHMARK_PIPELINE"])


def answer(flight: Flight) -> dict[str, float]:
    """Ask the scikit-learn pipeline by a DataFrame of one row."""
    frame = pd.DataFrame([flight.model_dump()]).astype(dict.fromkeys(NUMBERS, float))
    probability = float(pipeline.predict_proba(frame)[0, 1])
    return {"prediction": int(probability >= 0.5), "probability": probability}
