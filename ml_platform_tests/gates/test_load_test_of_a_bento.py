"""`load_test` against a real Bento, over HTTP."""

import numpy as np
import pytest

from ml_platform.gates.evidence import ServiceEvidence
from ml_platform.gates.load_test import LoadTest
from ml_platform.task import Task
from ml_platform_tests.serving.small_service import small_service


@pytest.mark.slow
def test_real_bento_answers_ten_clients_and_what_it_refuses_is_an_error() -> None:
    with small_service() as (service, record):

        def judged(*records, requests: int):
            evidence = ServiceEvidence(
                service=service,
                records=records,
                scores=np.zeros(len(records)),
                task=Task.BINARY,
                version="1",
                url=service.url,
            )
            return LoadTest(requests=requests, concurrency=10, p95_ms=1000).judge(evidence)

        good = judged(record, {**record, "distance": 200}, requests=1000)
        refused = judged(record, {**record, "carrier": "ZZ"}, requests=40)
    assert good.verdict == "passed", good.reason
    assert good.details["error_rate"] == 0
    assert good.rows == 1000
    assert good.value is not None
    assert refused.verdict == "failed"
    assert refused.details["error_rate"] == 0.5
    assert "400" in refused.reason
