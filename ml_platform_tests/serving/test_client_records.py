import json

import pandas as pd

from ml_platform.serving.client_records import client_records


def test_rows_become_json_with_null_for_what_is_missing():
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None], dtype="Int64"),
            "number": [0.1 + 0.2, float("nan")],
            "text": ["UA", None],
            "flag": pd.array([True, None], dtype="boolean"),
            "time": [pd.Timestamp("2013-01-31 13:45"), pd.NaT],
            "other": [1, 2],
        }
    )

    records = client_records(frame, ["text", "whole", "number", "flag", "time"])

    assert records[0] == {
        "text": "UA",
        "whole": 1,
        "number": 0.1 + 0.2,
        "flag": True,
        "time": "2013-01-31T13:45:00",
    }
    assert set(records[1].values()) == {None}
    assert json.loads(json.dumps(records)) == records


def test_frame_without_rows_gives_no_records():
    assert client_records(pd.DataFrame({"x": []}), ["x"]) == []
