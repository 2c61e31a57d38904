"""Dagster's entry point: every declared model, with the platform's resources."""

from ml_platform.component.load import build_definitions, load_declarations, model_roots
from ml_platform.settings import Settings

defs = build_definitions(load_declarations(model_roots(Settings.from_environment())))
