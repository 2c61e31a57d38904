"""Who answers at this moment: a champion, and beside it perhaps a candidate."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ml_platform.exceptions import RecordRefused
from ml_platform.serving.counters import Counters, Role, Tally
from ml_platform.serving.live.assignment import position
from ml_platform.serving.live.census import Census
from ml_platform.serving.predictor import Predictor, Score
from ml_platform.serving.records import Record
from ml_platform.task import Task

if TYPE_CHECKING:
    from ml_platform.serving.live.prediction import Prediction

KEY_LENGTH = 256
_KEY_ALLOWED = f"a text of at most {KEY_LENGTH} characters, or a number: it is the prediction key"


@dataclass(frozen=True, eq=False, slots=True)
class Served:
    """One version in one role.

    number: the version as the journal has it; 0 for one that is no number.
    census: counts unknown categories and nulls of a checked record in the tally.
    """

    predictor: Predictor
    role: Role
    tally: Tally
    census: Census
    number: int

    @property
    def version(self) -> str:
        """As it stands in every answer."""
        return self.predictor.version


def served_as(role: Role, predictor: Predictor, counters: Counters, census: Census) -> Served:
    """Return a version in a role, with the tally of it."""
    is_value = predictor.model.task is Task.REGRESSION
    tally = counters.of(predictor.version, role, is_value=is_value)
    number = int(predictor.version) if predictor.version.isdecimal() else 0
    return Served(predictor, role, tally, census, number)


class Candidate(Protocol):
    """A version on trial: whatever happens in it is answered by the champion."""

    @property
    def served(self) -> Served:
        """The version."""
        ...

    def score_one(self, record: dict[str, Any]) -> tuple[Record, Score] | None:
        """Check and score a record; None when it could not, which is counted."""
        ...

    def scores(self, records: list[dict[str, Any]]) -> list[tuple[Record, Score] | None]:
        """The same for records of a batch."""
        ...

    def blame(self) -> None:
        """Learn that the champion answered what the candidate could not."""
        ...

    def absolve(self) -> None:
        """Learn that the champion could not answer it either, or not the batch that it was in."""
        ...


class Shadow(Protocol):
    """A version that scores what others answer, seen by nobody."""

    def offer(self, answered: "Prediction", label: Any, request_id: str) -> None:
        """Hand over what was answered, and to which request; never waits, never raises."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Lineup:
    """What a request needs to know of the release; replaced as a whole, never changed.

    fallback: the champion as it answers for a candidate that could not.
    key_column: the field that a person calls the record by; None where none is declared.
    candidate: takes the keys whose `position` lies below `share`, of 2**64.
    explores: tells of a key whether its decision is made at random; None where none ever is.
    """

    champion: Served
    fallback: Served
    key_column: str | None = None
    candidate: Candidate | None = None
    share: int = 0
    salt: bytes = b""
    shadow: Shadow | None = None
    explores: Callable[[str], bool] | None = None

    def key_of(self, record: dict[str, Any]) -> str | None:
        """Return the key of a record; None for one that is known by its prediction id alone.

        Raises RecordRefused when the key is neither a short text nor a number.
        """
        if self.key_column is None:
            return None
        key = record.get(self.key_column)
        if type(key) is str:
            if len(key) > KEY_LENGTH:
                raise RecordRefused(self.key_column, "too_long", allowed=_KEY_ALLOWED)
            return key or None
        if key is None:
            return None
        if type(key) is int or type(key) is float:
            return str(key)
        raise RecordRefused(self.key_column, "wrong_type", allowed=_KEY_ALLOWED)

    def takes(self, key: str) -> bool:
        """Tell whether the candidate is to answer this key."""
        return position(key, self.salt) < self.share


class Live(Protocol):
    """Where the lineup comes from."""

    @property
    def lineup(self) -> Lineup:
        """Who answers now."""
        ...

    def health(self) -> dict[str, Any]:
        """What `GET /health` tells beside status, model and version."""
        ...

    def about(self) -> dict[str, Any]:
        """What `GET /model` tells of the release."""
        ...
