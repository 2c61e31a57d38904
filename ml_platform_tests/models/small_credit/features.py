"""What a loan weighs; runs in training and in serving."""

import pandas as pd


def build(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the loan's burden: its amount for each unit of income."""
    return frame.assign(burden=frame["amount"] / frame["income"])
