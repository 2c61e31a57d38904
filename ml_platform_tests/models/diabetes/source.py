"""Scikit-learn's diabetes: 442 patients and the progression of their disease after a year."""

import pandas as pd
from sklearn.datasets import load_diabetes


def load() -> pd.DataFrame:
    """Return 442 rows in the units of the study; `progression` is the target."""
    patients = load_diabetes(as_frame=True, scaled=False)
    sex = patients.data["sex"].map({1.0: "one", 2.0: "two"})
    return patients.data.assign(sex=sex, progression=patients.target)
