"""Made-up loans: small, fast, and learnable."""

import numpy as np
import pandas as pd


def load(rows: int = 1000, seed: int = 1) -> pd.DataFrame:
    """Return `rows` loans, one an hour; the same seed gives the same loans."""
    rng = np.random.default_rng(seed)
    income = np.round(rng.lognormal(10, 0.4, rows), 2)
    amount = np.round(rng.lognormal(9, 0.6, rows), 2)
    purpose = rng.choice(["car", "house", "other"], rows)
    burden = 2 * np.log(amount / income) + (purpose == "other")
    return pd.DataFrame(
        {
            "loan_id": [f"loan-{number:06d}" for number in range(rows)],
            "applied_at": pd.date_range("2024-01-01", periods=rows, freq="h"),
            "income": income,
            "amount": amount,
            "years_employed": np.where(rng.random(rows) < 0.1, np.nan, rng.integers(0, 40, rows)),
            "purpose": purpose,
            "defaulted": rng.random(rows) < 1 / (1 + np.exp(-(burden + 1.5) * 1.5)),
        }
    )
