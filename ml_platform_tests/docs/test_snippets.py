"""Every Python block of the documents runs, in a folder of its own, one document after another.

Blocks of one document share a namespace. A block whose first line is `# file: NAME`, in Python or
in YAML, is written to that file of the folder. `<!-- not run -->` above a block leaves it out.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(<!-- not run -->\n)?^```(python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\A# file: (\S+)\n")


def blocks(document: Path) -> list[tuple[str, str]]:
    """Language and text of each block that is run or written to a file."""
    found = BLOCK.findall(document.read_text(encoding="utf-8"))
    return [
        (language, text)
        for left_out, language, text in found
        if not left_out and (language == "python" or FILE.match(text))
    ]


DOCUMENTS = [file for file in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))) if blocks(file)]


def test_documents_have_snippets() -> None:
    assert ROOT / "docs" / "plugins.md" in DOCUMENTS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_snippets_run(document: Path, tmp_path: Path) -> None:
    script = []
    for _, text in blocks(document):
        named = FILE.match(text)
        if named:
            file = tmp_path / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        else:
            script.append(text)
    (tmp_path / "snippets.py").write_text("\n".join(script), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "snippets.py"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            "ML_PLATFORM_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
