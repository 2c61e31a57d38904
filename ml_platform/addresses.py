"""Addresses of stores as they may be shown: in logs, errors and pages nobody reads a password."""

import re
from urllib.parse import urlsplit, urlunsplit

_LOGIN = re.compile(r"(\w://[^\s/:@]*):\S*@")
_SECRET = re.compile(
    r"([?&][\w.-]*(?:pass|pwd|token|secret|key|sig|credential)[\w.-]*=)[^\s&]*", re.IGNORECASE
)


def without_secrets(text: str) -> str:
    """An address, or what somebody says of some, with `***` for passwords and secret parameters.

    What may be part of a password counts as one: rather too little is shown than too much.

    >>> without_secrets("cannot ship to sftp://ada:p@ss/w@host:22/data: away")
    'cannot ship to sftp://ada:***@host:22/data: away'
    >>> without_secrets("https://host/data?version=2&sig=abc%3D")
    'https://host/data?version=2&sig=***'
    """
    return _SECRET.sub(r"\1***", _LOGIN.sub(r"\1:***@", text))


def without_login(url: str) -> str:
    """An address for people, who log in as themselves.

    >>> without_login("https://ada:secret@mlflow.example.com:5000/at")
    'https://mlflow.example.com:5000/at'
    """
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
