"""Dagster's entry point: every declared model, with the platform's resources."""

import gc

from ml_platform.garbage import search_seldom

search_seldom()  # before the imports, which are what it is for

from ml_platform.component.load import build_definitions, load_declarations  # noqa: E402
from ml_platform.settings import Settings  # noqa: E402
from ml_platform.spec.roots import model_roots  # noqa: E402

defs = build_definitions(load_declarations(model_roots(Settings.from_environment())))
gc.freeze()  # they stay as long as the process: with hundreds of models each search cost 0.1 s
