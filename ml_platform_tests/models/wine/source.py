"""Scikit-learn's wine: 178 wines of three cultivars and their chemistry."""

import pandas as pd
from sklearn.datasets import load_wine


def load() -> pd.DataFrame:
    """Return 178 rows; `cultivar` is the target."""
    wine = load_wine(as_frame=True)
    return wine.data.assign(cultivar=wine.target_names[wine.target])
