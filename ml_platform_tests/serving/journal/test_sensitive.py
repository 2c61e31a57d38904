"""What is logged of sensitive columns."""

from pathlib import Path

import orjson

from ml_platform.serving.journal.record import feedback_record, kind_of, prediction_record, sent_id
from ml_platform.serving.journal.sensitive import Sensitive, journal_secret

FEATURES = {"sex": "female", "age": 33, "income": None, "amount": 5.0}
COLUMNS = ("sex", "age", "income")


def test_hash_hides_values_and_keeps_what_is_equal_equal() -> None:
    hashed = Sensitive(COLUMNS, "hash", secret=b"one").features(FEATURES)
    assert hashed["amount"] == 5.0
    assert hashed["income"] is None
    assert "female" not in str(hashed)
    assert hashed == Sensitive(COLUMNS, "hash", secret=b"one").features(FEATURES)
    assert hashed["sex"] != Sensitive(COLUMNS, "hash", secret=b"two").features(FEATURES)["sex"]


def test_drop_leaves_columns_out_and_keep_keeps_them() -> None:
    assert Sensitive(COLUMNS, "drop", secret=b"").features(FEATURES) == {"amount": 5.0}
    assert Sensitive(COLUMNS, "keep", secret=b"").features(FEATURES) == FEATURES


def test_key_is_hidden_where_the_id_column_is_sensitive() -> None:
    hides = Sensitive(["person"], "hash", secret=b"one", id_column="person")
    assert hides.key("anna") == hides.features({"person": "anna"})["person"]
    assert Sensitive(["person"], "drop", secret=b"one", id_column="person").key("anna") is None
    assert Sensitive(["sex"], "hash", secret=b"one", id_column="person").key("anna") == "anna"
    record = feedback_record(
        key="anna", label=1, observed_at=None, source="crm", at=1.0, sensitive=hides
    )
    assert orjson.loads(record)["key"] == hides.key("anna")


def test_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    secret = journal_secret(tmp_path / "model")
    assert journal_secret(tmp_path / "model") == secret
    assert len(secret) == 32
    [file] = (tmp_path / "model").iterdir()
    assert file.stat().st_mode & 0o077 == 0


def record(prediction_id: str, *, sent: bool, role: str = "champion") -> bytes:
    return prediction_record(
        prediction_id=prediction_id,
        sent=sent,
        key=None,
        at=1.0,
        features={},
        prediction="x",
        score=None,
        scores=(0.2, 0.8),
        version=1,
        role=role,
        latency_us=1,
        request_id="",
    )


def test_id_of_a_client_is_found_whatever_is_in_it() -> None:
    for text in ("plain", 'a","key":', 'quote"', "größe", "\\"):
        sent = sent_id(record(text, sent=True))
        assert sent is not None
        assert orjson.loads(b'"' + sent + b'"') == text
    assert sent_id(record("plain", sent=False)) is None
    assert sent_id(record("plain", sent=True, role="shadow")) is None


def test_kind_is_told_by_the_first_bytes() -> None:
    assert kind_of(record("a", sent=True)) == "prediction"
    label = feedback_record(prediction_id="a", label=1, observed_at=2.0, source="", at=1.0)
    assert kind_of(label) == "feedback"
    assert kind_of(b"{}") is None
