"""The live chapters, a module each: its blueprint holds its routes."""

from __future__ import annotations

from quart import Blueprint

from . import (
    ajax,
    application,
    cookies,
    flashing,
    form_data,
    http_methods,
    redirects_and_errors,
    request_object,
    routing,
    sessions,
    static_files,
    templates,
    url_building,
    variable_rules,
)

CHAPTERS: tuple[Blueprint, ...] = (
    application.blueprint,
    routing.blueprint,
    variable_rules.blueprint,
    url_building.blueprint,
    http_methods.blueprint,
    templates.blueprint,
    static_files.blueprint,
    request_object.blueprint,
    form_data.blueprint,
    cookies.blueprint,
    sessions.blueprint,
    redirects_and_errors.blueprint,
    flashing.blueprint,
    ajax.blueprint,
)
