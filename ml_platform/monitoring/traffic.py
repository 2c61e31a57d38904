"""What was asked of the service in a window, answered or not."""

from collections.abc import Mapping

from ml_platform.plugins import Strict
from ml_platform.release.evidence import Counts

Totals = Mapping[tuple[str, str], Counts]
"""What the workers counted since they started, by version and role."""


class Traffic(Strict):
    """Requests of a window. errors: by kind; refusals: by reason; unlogged: of the journal."""

    requests: int = 0
    errors: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    refusals: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    unlogged: int = 0

    @property
    def error_share(self) -> float | None:
        """Share of the requests that failed; None without requests."""
        return sum(self.errors.values()) / self.requests if self.requests else None

    @property
    def refused_share(self) -> float | None:
        """Share of the requests that broke the contract; None without requests."""
        return sum(self.refusals.values()) / self.requests if self.requests else None

    def since(self, before: "Traffic") -> "Traffic":
        """What came on top; after a restart, which counts anew, what there is."""
        if self.requests < before.requests or self.unlogged < before.unlogged:
            return self
        return Traffic(
            requests=self.requests - before.requests,
            errors=_more(self.errors, before.errors),
            refusals=_more(self.refusals, before.refusals),
            unlogged=self.unlogged - before.unlogged,
        )


def traffic(totals: Totals, journal: Mapping[str, int]) -> Traffic:
    """Add up what the workers counted; shadow work is nobody's request."""
    asked = [counts for (_, role), counts in totals.items() if role != "shadow"]
    errors: dict[str, int] = {}
    refusals: dict[str, int] = {}
    for counts in asked:
        for found, into in ((counts.errors, errors), (counts.refusals, refusals)):
            for name, number in found.items():
                into[name] = into.get(name, 0) + number
    return Traffic(
        requests=sum(counts.requests for counts in asked),
        errors=errors,
        refusals=refusals,
        unlogged=journal.get("unlogged", 0),
    )


def _more(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    more = {name: number - before.get(name, 0) for name, number in now.items()}
    return {name: number for name, number in more.items() if number > 0}
