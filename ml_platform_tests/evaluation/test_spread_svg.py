from xml.etree import ElementTree

from ml_platform.evaluation.spread_svg import histogram_svg, shares_svg

NAMESPACE = "{http://www.w3.org/2000/svg}"


def counted(picture: str) -> int:
    return sum(
        int(title.text or 0) for title in ElementTree.fromstring(picture).iter(f"{NAMESPACE}title")
    )


def test_every_value_is_in_a_bar():
    picture = histogram_svg({"a": [0.1, 0.2, 0.2, 0.9], "b <c>": [0.5]}, mark=2.0)
    assert counted(picture) == 5
    assert "b &lt;c&gt;" in picture


def test_equal_values_and_none_can_be_drawn():
    assert counted(histogram_svg({"a": [0.0, 0.0, 0.0]})) == 3
    assert counted(histogram_svg({"a": [-5.0, -5.0]})) == 2
    assert counted(histogram_svg({})) == 0


def words(picture: str) -> list[str | None]:
    return [each.text for each in ElementTree.fromstring(picture).iter(f"{NAMESPACE}text")]


def test_shares_stand_side_by_side_under_the_names_of_their_bins():
    shares = {"training": [0.5, 0.5, 0.0], "window": [0.25, 0.0, 0.75]}
    picture = shares_svg(shares, bins=["<= 1", "> 1", "(missing)"])
    titles = [each.text for each in ElementTree.fromstring(picture).iter(f"{NAMESPACE}title")]
    assert titles == ["<= 1: 50.0%", "> 1: 50.0%", "<= 1: 25.0%", "(missing): 75.0%"]
    assert words(picture) == ["training", "window", "<= 1", "> 1", "(missing)"]


def test_of_many_bins_the_first_and_the_last_are_named():
    bins = [f"{n} to {n + 1}" for n in range(12)]
    picture = shares_svg({"training": [1 / 12] * 12}, bins=bins)
    assert words(picture) == ["training", "0 to 1", "11 to 12"]


def test_a_name_that_is_too_long_is_cut_and_nothing_can_be_drawn():
    assert words(shares_svg({"a": [1.0]}, bins=["x" * 100]))[-1] == "x" * 59 + "…"
    assert words(shares_svg({}, bins=[])) == []
