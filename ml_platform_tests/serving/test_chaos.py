"""Every scenario of benchmarks/chaos.py in few rounds: nothing acknowledged is lost, none fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FEW = ["--swaps", "3", "--worker-kills", "2", "--kills", "1", "--away", "3", "--pause", "0.01"]
SLOW_MACHINE = "from a command to its effect on all workers"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_live_service_withstands_chaos():
    command = [sys.executable, "-W", "ignore", "benchmarks/chaos.py", "--json", *FEW]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert len(figures) == 11
    missed = [each for each in figures if not each["reached"] and each["what"] != SLOW_MACHINE]
    assert missed == []
