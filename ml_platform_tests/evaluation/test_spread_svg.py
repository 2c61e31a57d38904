from xml.etree import ElementTree

from ml_platform.evaluation.spread_svg import histogram_svg

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
