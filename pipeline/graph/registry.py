"""Finds node classes by the names that graphs use.

- `vad.webrtc`: the one node class of the module `nodes.vad.webrtc`; or
- a name that an installed package gives in its entry point group `vitagraph.nodes`; or
- `package.module:Class`: any class that can be imported.

Names are listed without importing any node module, so that a missing optional package
breaks neither `inspect` nor a suggestion.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.errors import DependencyError, GraphError, did_you_mean, listing
from pipeline.node import Node, Service, Sink, Source, Transform

ENTRY_POINTS = "vitagraph.nodes"
"""The entry point group in which an installed package names its node classes."""

CONVERTERS: Mapping[str, str] = {"rate": "media.resample"}
"""The nodes that the planner may insert to bridge a mismatch, by constraint."""

_OURS = ("nodes", "pipeline", "vitagraph")
_BASES = {base.__name__ for base in (Transform, Service, Source, Sink)}
_DIRECT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


class Registry:
    """The node classes of the package `builtin`, of entry points and of `module:Class`.

    `installed`: whether entry points of installed packages count; generated documents leave them out.
    """

    def __init__(
        self, builtin: str = "nodes", converters: Mapping[str, str] = CONVERTERS, *, installed: bool = True
    ) -> None:
        self._builtin = builtin
        self._converters = converters
        self._installed = installed

    def find(self, use: str) -> type[Node[Any]]:
        """The class of a name; raises GraphError where there is none, DependencyError where it cannot be imported."""
        if ":" in use:
            return _direct(use)
        module = f"{self._builtin}.{use}"
        if module in self._files and not _is_private(module):
            return _only_node(_imported(module, use), use)
        if use in self._points:
            return _checked(_loaded(self._points[use]), use)
        known = self.names()
        raise GraphError(
            f"there is no node `{use}`",
            hint=did_you_mean(use, known)
            or "`vitagraph inspect` lists the nodes; a class of your own is `module:Class`",
        )

    def names(self) -> tuple[str, ...]:
        """Every name that `find` knows, in order; imports no node module."""
        return self._names

    @functools.cached_property
    def _names(self) -> tuple[str, ...]:
        prefix = f"{self._builtin}."
        public = (module for module in self._files if not _is_private(module))
        builtin = (module.removeprefix(prefix) for module in public if _node_names(module, self._files))
        return tuple(sorted({*builtin, *self._points}))

    def converter(self, constraint: str) -> tuple[str, type[Node[Any]]] | None:
        """The node that can bridge a mismatch of this constraint, if there is one."""
        if (use := self._converters.get(constraint)) is None:
            return None
        node = self.find(use)
        if node.converts != constraint:
            raise GraphError(f"`{use}` is registered as the converter of {constraint} but does not convert it")
        return use, node

    @functools.cached_property
    def _files(self) -> dict[str, Path]:
        package = importlib.import_module(self._builtin)
        _check_not_shadowed(package)
        return dict(_walk(list(package.__path__), f"{self._builtin}."))

    @functools.cached_property
    def _points(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=ENTRY_POINTS) if self._installed else ():
            other = found.setdefault(point.name, point)
            if other.value != point.value:
                raise GraphError(
                    f"two installed packages give a node named `{point.name}`",
                    found=listing(sorted((other.value, point.value))),
                    hint="uninstall one of them, or write `module:Class` in the graph",
                )
        return found


def _walk(paths: list[str], prefix: str) -> Iterator[tuple[str, Path]]:
    for info in pkgutil.iter_modules(paths):
        if info.ispkg:
            yield from _walk([str(Path(path) / info.name) for path in paths], f"{prefix}{info.name}.")
        for path in paths:
            if (file := Path(path) / f"{info.name}.py").is_file():
                yield prefix + info.name, file


def _is_private(module: str) -> bool:
    return any(part.startswith("_") for part in module.split("."))


def _node_names(module: str, files: Mapping[str, Path]) -> set[str]:
    """A module's node classes, found in its source: their base is one of the four, or a class found so."""
    body = ast.parse(files[module].read_bytes()).body
    bases = set(_BASES)
    for each in body:
        if isinstance(each, ast.ImportFrom) and each.module and each.module in files:
            nodes = _node_names(each.module, files)
            bases |= {name.asname or name.name for name in each.names if name.name in nodes}
    found: set[str] = set()
    for each in body:
        if isinstance(each, ast.ClassDef) and any(_base_name(base) in bases | found for base in each.bases):
            found.add(each.name)
    return found


def _base_name(base: ast.expr) -> str:
    name = base.value if isinstance(base, ast.Subscript) else base
    return name.id if isinstance(name, ast.Name) else name.attr if isinstance(name, ast.Attribute) else ""


def _check_not_shadowed(package: ModuleType) -> None:
    # Another `nodes` on sys.path is found first when a program is started in its folder.
    ours = Path(__file__).resolve().parents[2]
    top = importlib.import_module(package.__name__.partition(".")[0])
    places = [Path(path).resolve() for path in getattr(top, "__path__", [])] or [Path(str(top.__file__)).resolve()]
    if all(place.parent != ours for place in places):
        raise GraphError(
            f"a module of your own named `{top.__name__}` hides the package of that name that belongs to Vitagraph",
            found=str(places[0]),
            hint=f"rename your `{top.__name__}`, or start the program from another folder",
        )


def _imported(module: str, use: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(use, error) from error


def _loaded(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise _missing(point.name, error) from error


def _missing(use: str, error: Exception) -> DependencyError:
    package = (getattr(error, "name", None) or "").partition(".")[0]
    return DependencyError(
        f"node `{use}` cannot be imported: {error}",
        node=use,
        hint=f"install what it needs (it imports `{package}`), or use another node" if package else "",
    )


def _direct(use: str) -> type[Node[Any]]:
    if not _DIRECT.fullmatch(use):
        raise GraphError(f"`{use}` is not the name of a node", expected="`family.name` or `module:Class`")
    module_name, _, name = use.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        itself = isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}.")
        if not itself:
            raise _missing(use, error) from error
        raise GraphError(f"there is no module `{module_name}`", hint=_hint_ours(module_name) or _HINT_PATH) from error
    if not hasattr(module, name):
        classes = sorted(_nodes_of(module))
        hint = did_you_mean(name, classes) or _hint_ours(module_name)
        raise GraphError(f"`{module_name}` has no class `{name}`", expected=listing(classes), hint=hint)
    return _checked(getattr(module, name), use)


_HINT_PATH = "start the program where it can be imported, or install its package"


def _hint_ours(module: str) -> str:
    top = module.partition(".")[0]
    return f"`{top}` is a package of Vitagraph itself: name yours differently" if top in _OURS else ""


def _nodes_of(module: ModuleType) -> dict[str, type[Node[Any]]]:
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, Node)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }


def _only_node(module: ModuleType, use: str) -> type[Node[Any]]:
    nodes = _nodes_of(module)
    if len(nodes) != 1:
        raise GraphError(
            f"`{use}` is not one node: its module defines {listing(sorted(nodes))}",
            hint=f"write `{module.__name__}:Class`" if nodes else "",
        )
    return next(iter(nodes.values()))


def _checked(value: object, use: str) -> type[Node[Any]]:
    if not (inspect.isclass(value) and issubclass(value, Node)):
        raise GraphError(f"`{use}` is not a node class", expected="a class with one of the bases in pipeline.node")
    if not issubclass(value, Transform | Service | Source | Sink):
        raise GraphError(f"`{use}` has none of the four bases", expected="Transform, Service, Source or Sink")
    return value
