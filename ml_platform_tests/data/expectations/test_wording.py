import re

import pytest

from ml_platform.data.expectations.wording import all_of, any_of, dtype_of_name, none_of, whole

TEXTS = ["abc", "ABC", "xabc", "abcx", "xabcx", "b", "12", "a|b", "", "a\nb", "aa", "ab"]
REGEXES = [
    "abc", "^abc", "abc$", "^abc$", "^a|b$", "^(a|b)$", "(?i)^abc$", r"^a\|b\$?$", "[|]", r"\d+",
    "^a.b", "^$", r"^[]a]|b$", r"^(.)\1$", "(?m)^b",
]  # fmt: skip


@pytest.mark.parametrize("regex", REGEXES)
def test_a_pattern_of_the_whole_text_finds_what_the_search_finds(regex):
    found = [text for text in TEXTS if re.search(regex, text)]
    assert [text for text in TEXTS if re.fullmatch(whole(regex), text)] == found
    assert [text for text in TEXTS if not re.fullmatch(none_of(regex), text)] == found


def test_patterns_are_joined_by_and_and_by_or():
    both = all_of([whole("a"), whole("b")])
    either = any_of(["^a$", "^b$"])
    assert [text for text in TEXTS if re.fullmatch(both, text)] == [
        "abc", "xabc", "abcx", "xabcx", "a|b", "a\nb", "ab",
    ]  # fmt: skip
    assert [text for text in TEXTS if re.fullmatch(either, text)] == ["b"]


def test_patterns_that_would_change_their_meaning_are_not_joined():
    with pytest.raises(ValueError, match="cannot be joined"):
        any_of(["(?i)a", "b"])
    with pytest.raises(ValueError, match="cannot be joined"):
        all_of([r"(.)\1", "(.)b"])


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("Int64", "int64"), ("uint8", "int64"), ("BIGINT", "int64"), ("LongType", "int64"),
        ("INTEGER", "int64"), ("SMALLINT", "int64"), ("BYTEINT", "int64"), ("INT_64", "int64"),
        ("numpy.float32", "float64"), ("DOUBLE PRECISION", "float64"), ("DECIMAL(9, 2)", "float64"),
        ("DoubleType", "float64"), ("NUMERIC", "float64"), ("bool", "bool"),
        ("BooleanType", "bool"), ("object", "string"), ("VARCHAR(20)", "string"),
        ("StringType", "string"), ("TEXT", "string"), ("category", "category"),
        ("datetime64[ns, UTC]", "datetime"), ("TIMESTAMP WITHOUT TIME ZONE", "datetime"),
        ("TimestampType", "datetime"), ("DATE", "datetime"), ("Timestamp", "datetime"),
        ("bytes", None), ("list", None), ("interval", None),
    ],
)  # fmt: skip
def test_type_names_of_pandas_spark_and_databases_are_known(name, dtype):
    assert dtype_of_name(name) == dtype
