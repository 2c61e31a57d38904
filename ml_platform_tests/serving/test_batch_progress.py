"""Lines about how far scoring is, on a clock of the test's own."""

from ml_platform.serving.batch_progress import lines


def test_a_line_comes_at_once_and_then_every_ten_seconds() -> None:
    said: list[str] = []
    times = iter((0.0, 9.9, 10.0, 12.0, 31.0))
    progress = lines(said.append, monotonic=times.__next__)
    for chunk in range(1, 6):
        progress(chunk * 10_000, 1_000_000)
    assert said == [
        "scoring: 10,000 of 1,000,000 rows",
        "scoring: 30,000 of 1,000,000 rows",
        "scoring: 50,000 of 1,000,000 rows",
    ]


def test_rows_of_an_input_that_does_not_tell_how_many_are_counted_all_the_same() -> None:
    said: list[str] = []
    lines(said.append, monotonic=lambda: 0.0)(10_000, None)
    assert said == ["scoring: 10,000 rows"]
