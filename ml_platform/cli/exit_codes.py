"""What the exit code of `ml-platform` says; docs/commands.md repeats this table."""

from enum import IntEnum

from ml_platform import exceptions
from ml_platform.exceptions import (
    ContractViolation,
    DeclarationError,
    DeploymentRefused,
    MLPlatformError,
    PluginError,
    ServiceUnavailable,
    SourceError,
    StoreError,
)


class ExitCode(IntEnum):
    """Exit codes; a script may rely on them."""

    OK = 0
    CRASH = 1
    """A defect of ml_platform or of code that a model brought along."""
    USAGE = 2
    """The command line or a declaration is wrong; nothing was started."""
    BLOCKED = 3
    """A gate blocked: the data broke their contract, or the evidence does not hold."""
    UNAVAILABLE = 4
    """A store, a source or a service is away, full, or refuses us; trying again may help."""
    FAILED = 5
    """What was asked cannot be done, such as serving a model that has no champion."""
    INTERRUPTED = 130
    """Ctrl-C."""


_CODES: tuple[tuple[tuple[type[MLPlatformError], ...], ExitCode], ...] = (
    ((DeclarationError, PluginError), ExitCode.USAGE),
    ((ContractViolation, DeploymentRefused), ExitCode.BLOCKED),
    ((StoreError, SourceError, ServiceUnavailable), ExitCode.UNAVAILABLE),
)


def exit_code_of(error: MLPlatformError) -> ExitCode:
    """Return the exit code that an error ends the command with."""
    return exit_code_of_class(type(error))


def exit_code_of_class(kind: type[MLPlatformError]) -> ExitCode:
    """Return the exit code of a kind of error."""
    return next((code for kinds, code in _CODES if issubclass(kind, kinds)), ExitCode.FAILED)


def exit_code_of_name(name: str) -> ExitCode:
    """Return the same for the name of an error class, as a run in Dagster leaves it behind."""
    found = getattr(exceptions, name, None)
    if isinstance(found, type) and issubclass(found, MLPlatformError):
        return exit_code_of_class(found)
    return ExitCode.CRASH
