"""What `pandas.read_csv` must be told of a file that `init` is given, found in the file itself."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ml_platform.cli.date_format import date_format
from ml_platform.data.sources.location import locate, reading
from ml_platform.exceptions import SourceError

SEPARATORS = ",;\t|"
_AT_ONCE = 1 << 20
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WESTERN = "cp1252"
"""What text is taken for that is neither UTF-8 nor marked: so spreadsheets of the West write."""


def csv_options(path: str) -> dict[str, Any]:
    """The options that a CSV file needs, such as `encoding` and `sep`; none where it is plain.

    Codes with zeros before them, such as 00123, are text: as numbers they would lose the zeros.
    Dates such as 31/12/2024 are told by their format.
    Raises SourceError when the file cannot be read, or two of its columns have one name.
    """
    file = locate(path, folder=Path.cwd())
    with reading(file):
        encoding = _encoding(file)
        options: dict[str, Any] = {} if encoding == "utf-8" else {"encoding": encoding}
        names = _first_line(file, encoding)
        separator = _separator(names)
        _require_distinct(next(csv.reader([names], delimiter=separator), []), file)
        options |= {} if separator == "," else {"sep": separator}
        texts = pd.read_csv(file, dtype=str, **options)
    codes = [str(name) for name in texts.columns if _are_codes(texts[name])]
    options |= {"dtype": dict.fromkeys(codes, "str")} if codes else {}
    formats = {str(name): date_format(texts[name]) for name in texts.columns}
    dates = {name: found for name, found in formats.items() if found is not None}
    return options | ({"parse_dates": list(dates), "date_format": dates} if dates else {})


def _encoding(file: str) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _opened(file, "rb") as opened:
        if opened.read(2) in _UTF_16:
            return "utf-16"
        opened.seek(0)
        try:
            while part := opened.read(_AT_ONCE):
                decoder.decode(part)
        except UnicodeDecodeError:
            return _WESTERN
    return "utf-8"


def _first_line(file: str, encoding: str) -> str:
    with _opened(file, "rt", encoding=encoding) as opened:
        return opened.readline()


def _opened(file: str, mode: str, **how: str) -> Any:
    import fsspec

    return fsspec.open(file, mode, compression="infer", **how)


def _separator(names: str) -> str:
    """What stands between the names of the columns; a comma where there is one column."""
    return max(SEPARATORS, key=re.sub(r'"[^"]*"', "", names).count)


def _require_distinct(names: Sequence[str], file: str) -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1 and name]
    if repeated:
        raise SourceError(
            f"{file} has several columns named {', '.join(map(repr, repeated))}; rename all but one"
        )


def _are_codes(texts: pd.Series) -> bool:
    """Whether all are digits, and some begin with a zero before another digit."""
    present = texts.dropna().astype(str)
    return bool(present.str.fullmatch(r"\d+").all() and present.str.match(r"0\d").any())
