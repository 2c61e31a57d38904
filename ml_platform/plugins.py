"""How a plugin is registered, found, and made valid YAML.

A plugin is one frozen class that is its configuration and its behaviour together::

    @GATES.register
    class MinimumMetric(Gate):
        type: Literal["minimum_metric"] = "minimum_metric"
        metric: str
        floor: float

In YAML it is named by its `type`: the name of a shipped plugin, the name of an entry point in
the group `ml_platform.<kind>s`, or the dotted path `package.module:Class`.
"""

import pkgutil
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from ml_platform.exceptions import UnknownPlugin


class Strict(BaseModel):
    """A frozen declaration that knows every field it may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Plugin(Strict):
    """Base of every plugin kind. Subclasses narrow `type` to a literal."""

    type: str


P = TypeVar("P", bound=Plugin)
C = TypeVar("C", bound=Plugin)


class Registry(Generic[P]):
    """All plugins of one kind, loaded when first asked for.

    kind: what a person calls it, such as "gate"; also gives the entry point group.
    base: the class that every plugin of the kind extends.
    package: where the shipped plugins live, one a module.
    """

    def __init__(self, kind: str, base: type[P], *, package: str) -> None:
        self.kind = kind
        self.base = base
        self.package = package
        self._classes: dict[str, type[P]] = {}

    @property
    def group(self) -> str:
        """The entry point group in which other packages offer plugins of this kind."""
        return f"ml_platform.{self.kind.replace(' ', '_')}s"

    def register(self, cls: type[C]) -> type[C]:
        """Class decorator: make `cls` known by the default of its `type` field."""
        self._classes[_declared_name(cls)] = cast("type[P]", cls)
        return cls

    @cached_property
    def _shipped(self) -> dict[str, type[P]]:
        package = import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            import_module(f"{self.package}.{module.name}")
        return self._classes

    @cached_property
    def _offered(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    def names(self) -> list[str]:
        """Every name that `type` may have, dotted paths aside."""
        return sorted(self._shipped.keys() | self._offered.keys())

    def classes(self) -> list[type[P]]:
        """Every shipped or offered plugin class, in the order of their names."""
        return [self.find(name) for name in self.names()]

    def find(self, name: str) -> type[P]:
        """Return the class that `type: name` means.

        Raises UnknownPlugin when there is none, or it is not of this kind.
        """
        if name in self._shipped:
            return self._shipped[name]
        found: Any = None
        if ":" in name:
            found = self._import(name)
        else:
            offered = self._offered.get(name)
            found = offered.load() if offered else None
        if not (isinstance(found, type) and issubclass(found, self.base)):
            raise UnknownPlugin(self.kind, name, [*self.names(), "package.module:Class"])
        return found

    def _import(self, path: str) -> object:
        module, _, attribute = path.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise UnknownPlugin(self.kind, f"{path} ({error})", self.names()) from error

    def parse(self, value: object) -> P:
        """Make the plugin that a YAML mapping declares; errors keep the place of the field."""
        if isinstance(value, self.base):
            return value
        if not isinstance(value, dict) or "type" not in value:
            raise PydanticCustomError(
                "plugin_type",
                "a {kind} is a mapping with a field `type` (valid: {valid})",
                {"kind": self.kind, "valid": ", ".join(self.names())},
            )
        declared = cast("dict[str, Any]", value)
        try:
            cls = self.find(str(declared["type"]))
        except UnknownPlugin as error:
            raise PydanticCustomError("unknown_plugin", "{text}", {"text": str(error)}) from error
        plugin = cls.model_validate({**declared, "type": _declared_name(cls)})
        return plugin.model_copy(update={"type": declared["type"]})


class Declared:
    """Annotation for a pydantic field that holds a plugin: `Annotated[Gate, Declared(GATES)]`."""

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry = registry

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Parse by the registry; dump as the plugin's own fields."""
        return core_schema.no_info_plain_validator_function(
            self.registry.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(_dump),
        )


def _dump(plugin: Plugin) -> dict[str, Any]:
    return plugin.model_dump(mode="json")


def _declared_name(cls: type[Plugin]) -> str:
    default = cls.model_fields["type"].default
    if not isinstance(default, str):
        raise TypeError(f'{cls.__name__}.type needs a default: type: Literal["x"] = "x"')
    return default
