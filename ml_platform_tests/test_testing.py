"""What `ml_platform.testing` offers to the tests of others."""

import pkgutil
from importlib import import_module

import pytest

from ml_platform import testing


def test_every_contract_test_is_offered_by_the_package():
    checks = {
        name: getattr(module, name)
        for found in pkgutil.iter_modules(testing.__path__)
        for module in [import_module(f"{testing.__name__}.{found.name}")]
        for name in vars(module)
        if name.startswith("check_") and getattr(module, name).__module__ == module.__name__
    }
    assert checks.keys() == {name for name in dir(testing) if name.startswith("check_")}
    for name, check in checks.items():
        assert getattr(testing, name) is check


def test_a_name_that_is_not_offered_is_told_with_those_that_are():
    with pytest.raises(AttributeError, match=r"has no 'check_all' \(it has: .*check_drift_test"):
        _ = testing.check_all
