"""What every source promises."""

from pathlib import Path

import pandas as pd
from pandas.testing import assert_frame_equal

from ml_platform.data.sources.source import SOURCES, Source
from ml_platform.exceptions import SourceError


def check_source(source: Source, *, folder: Path) -> pd.DataFrame:
    """Hold a source that can be read to the contract of its kind; return its rows.

    It has rows and text for column names; reading again gives the same; it survives a trip
    through its declaration; its fingerprint is stable text.
    """
    frame = source.read(folder=folder)
    assert isinstance(frame, pd.DataFrame), f"read returned a {type(frame).__name__}"
    assert len(frame), "a source without rows raises SourceError"
    assert all(isinstance(name, str) for name in frame.columns), "column names are text"
    assert_frame_equal(source.read(folder=folder), frame, obj="a second read")
    again = SOURCES.parse(source.model_dump(mode="json"))
    assert again == source, "the dumped declaration declares the same source"
    assert source.fingerprint() == again.fingerprint(), "the fingerprint is stable"
    return frame


def check_unreadable_source(source: Source, *, folder: Path) -> str:
    """Hold a source that cannot be read to it: one clear sentence; return it."""
    try:
        source.read(folder=folder)
    except SourceError as error:
        text = str(error)
        assert text.strip(), "the sentence is empty"
        assert "\n" not in text, f"more than one line: {text!r}"
        return text
    raise AssertionError(f"{source!r} was read")
