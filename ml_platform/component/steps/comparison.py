"""What a version is compared with: the version in production, or what a person accepted."""

from ml_platform.component.platform import Platform
from ml_platform.evaluation.baseline import read_baseline
from ml_platform.gates.gate import Stage
from ml_platform.registry.comparison import AcceptedBaseline, Comparison
from ml_platform.spec.load import Declaration


def rival_of(declaration: Declaration, platform: Platform, version: int) -> int | None:
    """The version to compare with: the one in production; None before the first release.

    A version that is in production itself is compared with the one before it, as when it was
    judged first, so that judging it again says the same.
    """
    state = platform.releases.state(declaration.spec.name)
    return state.previous if state.champion == version else state.champion


def comparison_with(declaration: Declaration, champion: int | None) -> Comparison | None:
    """The champion beside the baseline that is accepted now; None where no evaluation compares.

    Raises DeclarationError when the baseline cannot be read.
    """
    gates = declaration.spec.all_gates(Stage.EVALUATION_REPORT)
    if not any(gate.compares for gate in gates):
        return None
    baseline = read_baseline(declaration.folder)
    accepted = None if baseline is None else AcceptedBaseline.of(baseline)
    return Comparison(champion=champion, baseline=accepted)
