from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.exceptions import DeploymentRefused, ReleaseError
from ml_platform.registry.certificate import verify
from ml_platform.registry.waiver import Waiver, check_waivable, unwaived
from ml_platform_tests.registry.test_certificate import certificate, record

GIVEN = datetime(2026, 3, 1, tzinfo=UTC)
FILE = Path("defs.yaml")
FAILED = record("minimum_metric", "failed", blocks=True)


def waiver(check: str = "minimum_metric", *, days: float = 7, by: str = "Ada") -> Waiver:
    until = GIVEN + timedelta(days=days)
    return Waiver(
        check=check, version=3, by=by, reason="known outage", until=until, granted_at=GIVEN
    )


def test_a_waived_gate_lets_its_version_pass_until_the_waiver_ends() -> None:
    issued = certificate(FAILED).model_copy(update={"waivers": (waiver(),)})
    name = {
        "model": "flights",
        "version": 3,
        "required": {"minimum_metric": FAILED.gate},
        "file": FILE,
    }
    held = verify(issued.text, issued.digest, now=GIVEN + timedelta(days=6), **name)  # type: ignore[arg-type]
    assert held == issued
    with pytest.raises(DeploymentRefused, match=r"waived by Ada until .*known outage \(over\)"):
        verify(issued.text, issued.digest, now=GIVEN + timedelta(days=7), **name)  # type: ignore[arg-type]


def test_a_waiver_covers_its_own_gate_only() -> None:
    other = record("no_regression", "failed", blocks=True)
    assert unwaived([FAILED, other], [waiver()], now=GIVEN) == [other]


def test_a_waiver_covers_the_verdict_that_it_was_given_for_and_no_other():
    given = waiver().model_copy(update={"verdict": FAILED.digest})
    worse = FAILED.result.model_copy(update={"value": 0.31})
    later = FAILED.model_copy(update={"result": worse})
    assert unwaived([FAILED], [given], now=GIVEN) == []
    assert unwaived([later], [given], now=GIVEN) == [later]
    issued = certificate(later).model_copy(update={"waivers": (given,)})
    [(_, told)] = issued.told_waivers(now=GIVEN)
    assert told.endswith("known outage (void: given for another verdict)")
    required = {"minimum_metric": FAILED.gate}
    with pytest.raises(DeploymentRefused, match=r"\(void: given for another verdict\)"):
        verify(
            issued.text,
            issued.digest,
            model="flights",
            version=3,
            required=required,
            file=FILE,
            now=GIVEN,
        )


def test_a_gate_that_passes_and_one_of_another_name_cannot_be_waived() -> None:
    with pytest.raises(ReleaseError, match="gates that do: minimum_me"):
        check_waivable(waiver("minimum_metrik"), [FAILED])
    with pytest.raises(ReleaseError, match="none, no gate blocks it"):
        check_waivable(waiver(), [record("minimum_metric")])


@pytest.mark.parametrize("check", ["contract", "service_smoke"])
def test_integrity_cannot_be_waived(check: str) -> None:
    with pytest.raises(ReleaseError, match="guards integrity"):
        check_waivable(waiver(check), [record(check, "failed", blocks=True)])


def test_a_waiver_that_is_over_already_is_refused() -> None:
    with pytest.raises(ReleaseError, match="void already"):
        check_waivable(waiver(days=-1), [FAILED])
