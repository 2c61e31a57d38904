"""Texts as codes in a relation."""

from pathlib import Path

from ml_platform.feedback.duck import duckdb_over, view_in_codes

ROWS = """
SELECT CASE WHEN i % 7 = 0 THEN NULL ELSE 'x' || (i % 3) END AS few, 'y' || i AS many,
       NULL::VARCHAR AS none, i
FROM range(5000) AS t(i)
"""


def test_codes_read_as_their_texts_and_only_columns_of_few_values_have_them(tmp_path: Path) -> None:
    columns = ("few", "many", "none")
    with duckdb_over(tmp_path) as duck:
        duck.execute(f"CREATE TEMP VIEW given AS {ROWS}")
        values = {column: f"SELECT {column} FROM given" for column in columns}
        view_in_codes(duck, "coded", "given", values)
        [kinds] = duck.execute(
            f"SELECT {', '.join(f'typeof({column})' for column in columns)} FROM coded LIMIT 1"
        ).fetchall()
        texts, codes = (
            duck.execute(f"SELECT * FROM {name} ORDER BY i").fetchall()
            for name in ("given", "coded")
        )
    assert kinds[0].startswith("ENUM")
    assert kinds[1:] == ("VARCHAR", "VARCHAR")
    assert codes == texts
