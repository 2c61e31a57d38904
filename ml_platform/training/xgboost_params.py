"""The parameters of XGBoost that a declaration may set."""

from collections.abc import Iterable

from ml_platform.exceptions import did_you_mean

KNOWN = frozenset({
    "alpha", "base_score", "booster", "colsample_bylevel", "colsample_bynode", "colsample_bytree",
    "eta", "eval_metric", "gamma", "grow_policy", "huber_slope", "lambda",
    "learning_rate", "max_bin", "max_cached_hist_node", "max_delta_step", "max_depth", "max_leaves",
    "min_child_weight", "min_split_loss", "normalize_type", "num_parallel_tree", "objective",
    "one_drop", "quantile_alpha", "rate_drop", "reg_alpha", "reg_lambda", "sample_type",
    "sampling_method", "scale_pos_weight", "skip_drop", "subsample", "tree_method",
    "tweedie_variance_power",
})  # fmt: skip

ELSEWHERE = {
    "device": "device",
    "early_stopping_rounds": "early_stopping.rounds",
    "n_estimators": "rounds",
    "n_jobs": "threads",
    "nthread": "threads",
    "num_boost_round": "rounds",
    "random_state": "seed",
    "seed": "seed",
}
"""Parameters that are fields of the trainer, and which."""


def check_params(names: Iterable[str]) -> None:
    """Raise ValueError for the first name that XGBoost would ignore, with what is meant.

    XGBoost itself only warns, and trains with its default.
    """
    for name in names:
        if name in ELSEWHERE:
            raise ValueError(f"params.{name}: write it as `training.{ELSEWHERE[name]}`")
        if name == "num_class":
            raise ValueError("params.num_class: it is counted in the training rows; leave it out")
        if name not in KNOWN:
            hint, valid = did_you_mean(name, KNOWN), ", ".join(sorted(KNOWN))
            raise ValueError(f"unknown parameter {name!r}{hint} (valid: {valid})")
