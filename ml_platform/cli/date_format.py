"""How a column of text writes its dates."""

import re

import pandas as pd

_DATE = re.compile(r"\d{1,2}(?P<sep>[./-])\d{1,2}(?P=sep)\d{4}(?P<clock> \d{1,2}:\d\d(?::\d\d)?)?")
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
_ORDERS = ("%d", "%m"), ("%m", "%d")


def date_format(texts: pd.Series) -> str | None:
    """The format of dates such as 31/12/2024 or 12.31.2024 18:30; None for all else.

    So it is where days and months are never told apart, as no day is above 12.

    >>> date_format(pd.Series(["01/12/2024", None, "31/12/2024"]))
    '%d/%m/%Y'
    >>> date_format(pd.Series(["01/12/2024", "02/12/2024"])) is None
    True
    """
    present = texts.dropna()
    form = _DATE.fullmatch(present.iloc[0]) if len(present) else None
    if form is None:
        return None
    clock = _CLOCKS[(form["clock"] or "").count(":")]
    formats = [form["sep"].join([*order, "%Y"]) + clock for order in _ORDERS]
    fit = [each for each in formats if _moments(present, each).notna().all()]
    return fit[0] if len(fit) == 1 else None


def _moments(texts: pd.Series, form: str) -> pd.Series:
    return pd.to_datetime(texts, format=form, errors="coerce")
