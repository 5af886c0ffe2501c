"""Imports go down one line, and modules stay small: what keeps the parts apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .processes import ROOT

PACKAGE = ROOT / "qapp"

# From the bottom to the top; a module may import what stands below it, and what is of its own part.
# Of sections each is a part of its own, so they don't import each other.
LAYERS = (
    ("qapp.kinds", "qapp.logs", "qapp.triggers"),
    ("qapp.config",),
    ("qapp.ext",),
    ("qapp.models",),
    ("qapp.extensions",),
    ("qapp.migrations",),
    ("qapp.web",),
    ("qapp.accounts",),
    (
        "qapp.blog",
        "qapp.students",
        "qapp.files",
        "qapp.contact",
        "qapp.preferences",
        "qapp.status",
        "qapp.tour",
    ),
    ("qapp.api",),
    ("qapp.demo_texts", "qapp"),
    ("qapp.demo", "qapp.asgi", "qapp.db_commands"),
    ("qapp.contact_commands", "qapp.token_commands"),
    ("qapp.cli",),
)
# Modules above 280 lines, with the reason.
LONG = {"qapp.tour.chapters": "the table of all chapters, most of them in eight lines"}


class Import(NamedTuple):
    """What a line of a module imports: a module, or perhaps a name in one."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules() -> dict[str, Path]:
    """Return the package's modules by name; a package stands for its `__init__.py`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(name: str, source: str, *, is_package: bool) -> Iterator[Import]:
    """Yield every import of a module, wherever in it the statement stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = name.split(".")
                parents = parents[: len(parents) - node.level + is_package]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                yield Import(name, f"{base}.{alias.name}", node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield Import(name, ast.literal_eval(node.args[0]), node.lineno)


def all_imports() -> list[Import]:
    return [
        found
        for name, path in MODULES.items()
        for found in imports_of(name, path.read_text(), is_package=path.name == "__init__.py")
    ]


def part_of(name: str) -> tuple[int, str] | None:
    """Return the layer and the part that a name belongs to; None for what is not of the site.

    A name imported from the package itself is `qapp`'s, unless it is a module.
    """
    while name not in MODULES:
        if "." not in name:
            return None
        name = name.rpartition(".")[0]
    for layer, parts in enumerate(LAYERS):
        for part in parts:
            if name == part or (part != "qapp" and name.startswith(f"{part}.")):
                return layer, part
    raise AssertionError(f"{name} has no place in the order of layers")


def is_downward(found: Import) -> bool:
    """Tell whether an import leads down, within a part, or out of the site."""
    importer, imported = part_of(found.importer), part_of(found.imported)
    assert importer is not None
    return imported is None or imported == importer or imported[0] < importer[0]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_a_place(name: str) -> None:
    assert part_of(name) is not None


def test_imports_go_down() -> None:
    assert [str(found) for found in all_imports() if not is_downward(found)] == []


def test_extensions_know_nothing_of_the_site() -> None:
    site = [
        str(found)
        for found in all_imports()
        if found.importer.startswith("qapp.ext.")
        and (part := part_of(found.imported)) is not None
        and part[1] != "qapp.ext"
    ]
    assert site == []


def test_flask_is_imported_by_its_originals_alone() -> None:
    flask = [
        str(found)
        for found in all_imports()
        if found.imported.split(".")[0].startswith(("flask", "flask_"))
        and not found.importer.startswith("qapp.tour.originals")
    ]
    assert flask == []


def test_modules_are_small_but_for_those_with_a_reason() -> None:
    long = {name for name, path in MODULES.items() if path.read_text().count("\n") > 280}
    assert long == LONG.keys()
    assert all(LONG.values())


@pytest.mark.parametrize(
    ("importer", "statement"),
    [
        ("qapp.config", "from .ext.database import Database"),
        ("qapp.ext.limits", "from qapp.web.errors import NotFound"),
        ("qapp.ext.limits", "from ..extensions import db"),
        ("qapp.ext.database.sqlite", "from ....models import metadata"),
        ("qapp.models", "from . import web"),
        ("qapp.web.site", "def f():\n    from qapp import accounts"),
        ("qapp.web.site", "if TYPE_CHECKING:\n    import qapp.accounts.session"),
        ("qapp.web.site", "importlib.import_module('qapp.accounts')"),
        ("qapp.accounts.views", "from qapp.blog.queries import Entry"),
        ("qapp.blog.views", "from qapp import status"),
        ("qapp.status", "import qapp.blog.views"),
        ("qapp.blog.views", "from qapp import create_app"),
        ("qapp.accounts", "from .. import cli"),
        ("qapp", "from . import asgi"),
    ],
)
def test_an_import_that_goes_up_is_found(importer: str, statement: str) -> None:
    is_package = MODULES[importer].name == "__init__.py"
    (found,) = imports_of(importer, statement, is_package=is_package)
    assert not is_downward(found), str(found)


@pytest.mark.parametrize(
    ("importer", "statement"),
    [
        ("qapp.blog.views", "from qapp.accounts import User"),
        ("qapp.blog", "from .views import blueprint"),
        ("qapp.blog.views", "from . import queries"),
        ("qapp.ext.database.sqlite", "from ..contract import Engine"),
        ("qapp.web.site", "import asyncio"),
        ("qapp.asgi", "from . import create_app"),
    ],
)
def test_an_import_that_goes_down_is_not(importer: str, statement: str) -> None:
    is_package = MODULES[importer].name == "__init__.py"
    (found,) = imports_of(importer, statement, is_package=is_package)
    assert is_downward(found)
