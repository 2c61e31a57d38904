from base64 import b64decode

from ml_platform.data.page import (
    Link,
    Page,
    Picture,
    Section,
    Table,
    facts,
    page_html,
    page_markdown,
)

PAGE = Page(
    "credit_risk <v1>",
    ["A paragraph with *stars*."],
    [
        Section("Facts", [facts({"owner": "a|b", "nothing": "", "run": Link("here", "x.html")})]),
        Section("Verdicts", [Table([("roc_auc", "failed")], ("gate", "verdict")), ("one", "two")]),
    ],
)


def test_markdown_has_sections_tables_and_points():
    assert page_markdown(PAGE) == (
        "# credit\\_risk \\<v1\\>\n\nA paragraph with \\*stars\\*.\n\n## Facts\n\n"
        "|  |  |\n| --- | --- |\n| owner | a\\|b |\n| run | [here](x.html) |\n\n"
        "## Verdicts\n\n| gate | verdict |\n| --- | --- |\n| roc\\_auc | failed |\n\n- one\n- two\n"
    )


def test_html_needs_nothing_beside_it_and_escapes_what_it_shows():
    page = page_html(PAGE)
    assert "<h1>credit_risk &lt;v1&gt;</h1>" in page
    assert '<span class="tone bad">failed</span>' in page
    assert '<a href="x.html">here</a>' in page
    assert "http" not in page
    assert "nothing" not in page


def test_a_picture_stands_in_the_page_itself():
    picture = Picture("<svg><title>a</title></svg>", "how <a> spreads")
    page = Page("pictures", [picture])
    html = page_html(page)
    assert f"<figure>{picture.svg}<figcaption>how &lt;a&gt; spreads</figcaption></figure>" in html
    address = page_markdown(page).partition("](")[2].strip().rstrip(")")
    assert address == picture.address
    assert b64decode(address.removeprefix("data:image/svg+xml;base64,")).decode() == picture.svg
