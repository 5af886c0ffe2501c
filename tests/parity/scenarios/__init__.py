"""The scenarios, a module for each chapter, in the order of the chapters."""

from __future__ import annotations

from tests.parity.scenario import Scenario

from . import (
    application,
    blog,
    cookies,
    flashing,
    form_data,
    hooks,
    http_methods,
    larger_applications,
    redirects_and_errors,
    request_object,
    responses,
    routing,
    sending_files,
    sessions,
    static_files,
    templates,
    templating,
    testing,
    url_building,
    urls,
    variable_rules,
)

SCENARIOS: tuple[Scenario, ...] = (
    *application.SCENARIOS,
    *routing.SCENARIOS,
    *variable_rules.SCENARIOS,
    *url_building.SCENARIOS,
    *urls.SCENARIOS,
    *http_methods.SCENARIOS,
    *templates.SCENARIOS,
    *templating.SCENARIOS,
    *static_files.SCENARIOS,
    *request_object.SCENARIOS,
    *form_data.SCENARIOS,
    *cookies.SCENARIOS,
    *sessions.SCENARIOS,
    *redirects_and_errors.SCENARIOS,
    *flashing.SCENARIOS,
    *responses.SCENARIOS,
    *sending_files.SCENARIOS,
    *blog.SCENARIOS,
    *hooks.SCENARIOS,
    *larger_applications.SCENARIOS,
    *testing.SCENARIOS,
)
