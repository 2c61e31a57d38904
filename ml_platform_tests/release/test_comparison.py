"""How far a shadow lies from the champion, as people are shown it."""

from ml_platform.release.comparison import SLICES_SHOWN, comparison, slice_differences
from ml_platform.release.evidence import Agreement, Counts, Moments, difference_bin

ROLES = (2, "shadow")


def slices(**by_name: tuple[int, int, float]) -> Counts:
    """Slices with their pairs, how many agree, and the difference of each pair."""
    return Counts(
        slices={
            f"kind={name}": Agreement(n, same, Moments(n, n * each, n * each * each))
            for name, (n, same, each) in by_name.items()
        }
    )


def test_each_power_of_ten_has_a_row_on_its_side_of_zero() -> None:
    seen = [-0.5, -0.2, -0.02, 0.0, 1e-9, 3e-4, 0.002, 0.9, 0.4, 0.3]
    bins: dict[int, int] = {}
    for difference in seen:
        bins[difference_bin(difference)] = bins.get(difference_bin(difference), 0) + 1
    shown = comparison({ROLES: Counts(differences=bins)}, 2)["differences"]
    assert [(row["difference"], row["pairs"]) for row in shown] == [
        ("-1 to -0.1", 2),
        ("-0.1 to -0.01", 1),
        ("none", 2),
        ("0.0001 to 0.001", 1),
        ("0.001 to 0.01", 1),
        ("0.1 to 1", 3),
    ]
    assert sum(row["percent"] for row in shown) == 100.0


def test_slices_that_differ_most_come_first_and_few_are_shown() -> None:
    found = slice_differences(slices(a=(900, 900, 0.001), b=(100, 60, -0.2), c=(50, 20, 0.0)))
    assert found == [
        {"slice": "kind=b", "pairs": 100, "agree": 60, "mean_difference": -0.2},
        {"slice": "kind=a", "pairs": 900, "agree": 900, "mean_difference": 0.001},
        {"slice": "kind=c", "pairs": 50, "agree": 20, "mean_difference": 0.0},
    ]
    many = slices(**{f"s{n}": (n + 1, n, 0.1) for n in range(30)})
    assert len(slice_differences(many)) == SLICES_SHOWN


def test_without_a_shadow_nothing_is_compared() -> None:
    assert comparison({(1, "champion"): Counts(requests=5), (2, "candidate"): Counts()}, 2) == {}
