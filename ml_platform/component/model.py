"""The component `ml_platform.MLModel`, for projects that load it through Dagster's own loader."""

from dataclasses import dataclass
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel

from ml_platform.component.load import model_definitions
from ml_platform.exceptions import DeclarationError
from ml_platform.spec.load import FILE_NAME, Declaration
from ml_platform.spec.model import ModelSpec


@dataclass
class MLModel(dg.Component):
    """One declared model: its assets, gates, job and schedule.

    Override `build_defs` to add to what a model brings::

        class AuditedModel(MLModel):
            def build_defs(self, context):
                own = dg.Definitions(sensors=[audit_sensor(self.declaration.spec.name)])
                return dg.Definitions.merge(super().build_defs(context), own)
    """

    declaration: Declaration

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The schema of `attributes`; plain pydantic, so errors keep their exact line."""
        return ModelSpec

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Build the component from parsed attributes, with `{{ env.X }}` rendered.

        Raises DeclarationError when the file has no attributes.
        """
        file = context.path / FILE_NAME
        if attributes is None:
            raise DeclarationError(f"{file}:1: attributes: missing, but required")
        rendered: Any = context.resolution_context.resolve_value(attributes.model_dump(mode="json"))
        return cls(Declaration(spec=ModelSpec.model_validate(rendered), file=file))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions of this model."""
        return model_definitions(self.declaration)
