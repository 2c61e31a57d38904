"""Rows that a Python function returns."""

from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from ml_platform.data.sources.location import require_rows
from ml_platform.data.sources.source import SOURCES, Source
from ml_platform.exceptions import SourceError
from ml_platform.functions import load_function


@SOURCES.register
class PythonSource(Source):
    """A function that returns a pandas DataFrame.

    function: `module:name`; a file in the folder of the declaration, or on the import path.
    params: its keyword arguments.
    """

    type: Literal["python"] = "python"
    function: str = Field(pattern=r"^[\w.]+:\w+$")
    params: dict[str, Any] = Field(default={})

    def read(self, *, folder: Path) -> pd.DataFrame:
        """Call the function; what it raises goes on to the caller, with a note."""
        load = load_function(self.function, folder=folder)
        try:
            frame = load(**self.params)
        except Exception as error:
            names = ", ".join(self.params) or "none"
            error.add_note(f"raised by the source {self.function} (parameters: {names})")
            raise
        if not isinstance(frame, pd.DataFrame):
            raise SourceError(
                f"the source {self.function} returned a {type(frame).__name__}, "
                "not a pandas DataFrame"
            )
        return require_rows(frame, what=f"the source {self.function}")
