import re
from pathlib import Path

import ml_platform.exceptions
import ml_platform.serving

DOCUMENT = Path(__file__).parents[2] / "docs" / "http-api.md"


def test_every_reason_of_a_refusal_is_documented():
    sources = Path(ml_platform.serving.__file__).parent.rglob("*.py")
    code = "\n".join(file.read_text() for file in (*sources, Path(ml_platform.exceptions.__file__)))
    given = set(re.findall(r'refuse\(\s*"(\w+)"', code))
    given |= set(re.findall(r'(?:RecordRefused|super\(\)\.__init__)\(\s*[^,()]+,\s*"(\w+)"', code))
    given |= set(re.findall(r'reason(?:=| = )"(\w+)"', code))
    documented = set(re.findall(r"^\| \d+ \| `(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE))

    assert given - documented == set()
    assert documented - given <= {"not_found", "out_of_range"}
