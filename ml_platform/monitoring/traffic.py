"""What was asked of the service in a window, answered or not."""

from collections.abc import Iterable, Mapping

from ml_platform.plugins import Strict
from ml_platform.release.evidence import Counts

Totals = Mapping[tuple[str, str], Counts]
"""What the workers counted since they started, by version and role."""

SHADOW, CANDIDATE = "shadow", "candidate"

STRAYS = frozenset({"not_http", "headers_too_large", "not_found", "method_not_allowed"})
"""Reasons to refuse what asked nothing of the model: scanners and slips, for the metrics alone."""


class VersionTraffic(Strict):
    """What one version did in one role.

    role: `fallback` is the champion in place of a candidate that could not answer.
    errors: by kind; refusals: by reason. seconds: that its answers took, all together.
    """

    version: str
    role: str
    requests: int = 0
    errors: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    refusals: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    seconds: float = 0.0

    @property
    def answers(self) -> int:
        """Requests that it answered."""
        return self.requests - sum(self.errors.values()) - sum(self.refusals.values())

    @property
    def mean_ms(self) -> float | None:
        """Milliseconds for an answer; None without answers."""
        return self.seconds / self.answers * 1e3 if self.answers > 0 else None

    def since(self, before: "VersionTraffic | None") -> "VersionTraffic":
        """What came on top; after a restart, which counts anew, what there is."""
        if before is None or self.requests < before.requests:
            return self
        return VersionTraffic(
            version=self.version,
            role=self.role,
            requests=self.requests - before.requests,
            errors=_more(self.errors, before.errors),
            refusals=_more(self.refusals, before.refusals),
            seconds=max(self.seconds - before.seconds, 0.0),
        )


class Traffic(Strict):
    """Requests as clients saw them, and what became of them in each version and role.

    errors: by kind; refusals: by reason; unlogged: of the journal. What a candidate could not
    answer counts once, as the champion's answer in its place. elsewhere: hosts that serve the model
    as well, and whose counts are not among these.
    """

    requests: int = 0
    errors: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    refusals: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    unlogged: int = 0
    versions: tuple[VersionTraffic, ...] = ()
    elsewhere: tuple[str, ...] = ()

    @property
    def lacking(self) -> str:
        """What is to be said behind the number of requests; "" where all are counted."""
        return f", without those of {', '.join(self.elsewhere)}" if self.elsewhere else ""

    @property
    def error_share(self) -> float | None:
        """Share of the requests that failed; None without requests."""
        return sum(self.errors.values()) / self.requests if self.requests else None

    @property
    def refused_share(self) -> float | None:
        """Share of the requests that broke the contract; None without requests."""
        return sum(self.refusals.values()) / self.requests if self.requests else None

    def time_share(self, part: VersionTraffic) -> float:
        """Share of one version in one role in the time that all answers took."""
        whole = sum(each.seconds for each in self.versions)
        return part.seconds / whole if whole else 0.0

    def since(self, before: "Traffic") -> "Traffic":
        """What came on top; after a restart, which counts anew, what there is."""
        if self.requests < before.requests or self.unlogged < before.unlogged:
            return self
        known = {(part.version, part.role): part for part in before.versions}
        parts = (part.since(known.get((part.version, part.role))) for part in self.versions)
        return Traffic(
            requests=self.requests - before.requests,
            errors=_more(self.errors, before.errors),
            refusals=_more(self.refusals, before.refusals),
            unlogged=self.unlogged - before.unlogged,
            versions=tuple(part for part in parts if part.requests),
        )


def traffic(totals: Totals, journal: Mapping[str, int]) -> Traffic:
    """Add up what the workers counted; shadow work is nobody's request."""
    parts = tuple(_part(*each, counts) for each, counts in sorted(totals.items()))
    tried = [part for part in parts if part.role == CANDIDATE]
    asked = [part for part in parts if part.role not in (CANDIDATE, SHADOW)]
    return Traffic(
        requests=sum(part.requests for part in asked) + sum(part.answers for part in tried),
        errors=_summed(part.errors for part in asked),
        refusals=_summed(part.refusals for part in asked),
        unlogged=journal.get("unlogged", 0),
        versions=parts,
    )


def _part(version: str, role: str, counts: Counts) -> VersionTraffic:
    strays = sum(counts.refusals.get(reason, 0) for reason in STRAYS)
    return VersionTraffic(
        version=version,
        role=role,
        requests=counts.requests - strays,
        errors=dict(counts.errors),
        refusals={name: n for name, n in counts.refusals.items() if name not in STRAYS},
        seconds=counts.latency_total / 1e6,
    )


def _summed(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        for name, number in part.items():
            found[name] = found.get(name, 0) + number
    return found


def _more(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    more = {name: number - before.get(name, 0) for name, number in now.items()}
    return {name: number for name, number in more.items() if number > 0}
