"""Each Flask original runs by itself, without the other chapters."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
from flask import Flask

from qapp.tour.chapters import CHAPTERS


def module_of(path: str) -> str:
    """Return the module that makes the application of a source: its package, if it has one."""
    name = path.removesuffix(".py").replace("/", ".")
    package = name.rpartition(".")[0].removesuffix(".versions")
    return name if package == "tour.originals" else package


MODULES = sorted(
    {module_of(pair.flask) for chapter in CHAPTERS for pair in chapter.pairs} | {"tour.originals"}
)


def app_of(module: str, folder: Path) -> Flask:
    """Make a module's application; one that stores something does so in `folder`."""
    make = importlib.import_module(f"qapp.{module}").create_app
    stores = "instance_path" in inspect.signature(make).parameters
    app = make(instance_path=str(folder)) if stores else make()
    assert isinstance(app, Flask)
    return app


@pytest.mark.parametrize("module", MODULES)
def test_an_original_answers_by_itself(tmp_path: Path, module: str) -> None:
    app = app_of(module, tmp_path)
    paths = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if not rule.arguments and "GET" in (rule.methods or ()) and "fail" not in rule.rule
    ]
    assert paths
    client = app.test_client()
    for path in paths:
        with client.get(path) as response:
            assert response.status_code < 500, f"{path}: {response.get_data(as_text=True)}"
