"""How a plugin is registered, found, and made valid YAML.

A plugin is one frozen class that is its configuration and its behaviour together::

    @GATES.register
    class MinimumMetric(Gate):
        type: Literal["minimum_metric"] = "minimum_metric"
        metric: str
        floor: float

In YAML it is named by its `type`: the name of a shipped plugin, the name of an entry point in
the group `ml_platform.<kind>s`, or the dotted path `package.module:Class`. Code of others may
raise anything when it is imported: that is told where the plugin is named, and nowhere else.
"""

import logging
import pkgutil
from collections import defaultdict
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, packages_distributions
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from ml_platform.exceptions import PluginError, UnknownPlugin, UnusablePlugin


class Strict(BaseModel):
    """A frozen declaration that knows every field it may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Plugin(Strict):
    """Base of every plugin kind. Subclasses narrow `type` to a literal."""

    type: str


P = TypeVar("P", bound=Plugin)
C = TypeVar("C", bound=Plugin)

_log = logging.getLogger(__name__)


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
        self._resolved: dict[str, type[P] | str] = {}  # offers: their class, or what is wrong

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
    def _offered(self) -> dict[str, list[EntryPoint]]:
        """What other packages offer, by name; a shipped name keeps its meaning."""
        offered: dict[str, list[EntryPoint]] = defaultdict(list)
        for point in _entry_points().select(group=self.group):
            if point.name in self._shipped:
                _log.warning("%s", self._shadowed(point))
            else:
                offered[point.name].append(point)
        return dict(offered)

    def _shadowed(self, point: EntryPoint) -> str:
        return (
            f"{_origin(point)} offers a {self.kind} {point.name!r}, which is the name of a shipped "
            f"one: `type: {point.name}` means the shipped one, `type: {point.value}` the other"
        )

    def names(self) -> list[str]:
        """Every name that `type` may have, dotted paths aside."""
        return sorted(self._shipped.keys() | self._offered.keys())

    def usable(self) -> dict[str, type[P]]:
        """Every class by its name, in their order, without the offers that `find` refuses."""
        resolved = {name: self._resolve(name) for name in self.names()}
        return {name: found for name, found in resolved.items() if not isinstance(found, str)}

    def find(self, name: str) -> type[P]:
        """Return the class that `type: name` means.

        Raises UnknownPlugin when there is none, and UnusablePlugin when its module raises on
        import, when it is not of this kind, or when two packages offer that name.
        """
        if ":" in name:
            found = self._import(name)
        elif name in self.names():
            found = self._resolve(name)
        else:
            raise UnknownPlugin(self.kind, name, [*self.names(), "package.module:Class"])
        if isinstance(found, str):
            raise UnusablePlugin(self.kind, name, found, self.names())
        return found

    def _resolve(self, name: str) -> type[P] | str:
        """The class of a known name, or what is wrong with its offer; tried once."""
        if name in self._shipped:
            return self._shipped[name]
        if name not in self._resolved:
            points = self._offered[name]
            self._resolved[name] = _offered_twice(points) or self._import(points[0].value)
        return self._resolved[name]

    def _import(self, path: str) -> type[P] | str:
        """The class at `module:Class`, or what is wrong with it."""
        module, _, attribute = path.partition(":")
        try:
            found: Any = getattr(import_module(module), attribute)
        except (Exception, SystemExit) as error:  # a team's module may raise anything
            said = " ".join(str(error).split())
            return f"importing {path} raised {type(error).__name__}: {said}"
        if not (isinstance(found, type) and issubclass(found, self.base)):
            base = f"{self.base.__module__}.{self.base.__qualname__}"
            return f"{path} is not a {self.kind}: it does not extend {base}"
        if not isinstance(found.model_fields["type"].default, str):
            return _nameless(found)
        return found

    def package_of(self, name: str) -> str | None:
        """The package that offers what `type: name` means, as pip calls it.

        None for a shipped plugin, and for a module that is of no installed package.
        """
        if name in self._shipped:
            return None
        for point in self._offered.get(name, []):
            if point.dist is not None:
                return point.dist.name
        top = name.partition(":")[0].partition(".")[0]
        return next(iter(_packages().get(top, [])), None)

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
        except PluginError as error:
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
        raise TypeError(_nameless(cls))
    return default


def _nameless(cls: type[Plugin]) -> str:
    return f'{cls.__name__}.type needs a default: type: Literal["x"] = "x"'


_entry_points = cache(entry_points)
"""All entry points of this environment: one search, for all kinds of plugins."""

_packages = cache(packages_distributions)
"""The packages of each module of this environment: a search of a second or two."""


def _offered_twice(points: list[EntryPoint]) -> str | None:
    if len({point.value for point in points}) == 1:
        return None
    claims = " and ".join(f"{_origin(point)} ({point.value})" for point in points)
    return f"{claims} offer it; name the one that is meant by its path"


def _origin(point: EntryPoint) -> str:
    return f"the package {point.dist.name}" if point.dist else "a package"
