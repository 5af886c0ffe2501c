"""The OpenAPI document, made by quart-schema of the operations, and mended where it errs.

quart-schema 0.25 puts the headers of an answer among its media types, repeats each model in place
where it could be named, forgets which parameters are required, and knows nothing of errors; all of
that is done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema
from quart import Quart
from quart_schema import (
    HttpSecurityScheme,
    Info,
    OpenAPIProvider,
    QuartSchema,
    Tag,
)
from quart_schema.conversion import model_schema
from quart_schema.openapi import APIKeySecurityScheme
from quart_schema.typing import Model as AnyModel
from werkzeug.routing import Rule
from werkzeug.routing.converters import BaseConverter

from .models import Problem
from .operation import ANYTHING, ATTRIBUTE, Operation
from .texts import (
    DESCRIPTION,
    ERRORS,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    INTEGER,
    LIVE,
    RATE_HEADERS,
    TAGS,
)

REF = "#/components/schemas/{model}"
# What any request may be answered.
COMMON_ERRORS = frozenset({400, 401, 405, 406, 408, 413, 422, 429, 500, 503})


class Provider(OpenAPIProvider):
    """Documents the operations of the API, and nothing else."""

    def schema(self) -> dict[str, Any]:
        """Make the document."""
        document = super().schema()
        document["paths"]["/live"] = LIVE
        document["paths"] = dict(sorted(document["paths"].items()))
        _, problems = models_json_schema([(Problem, "serialization")], ref_template=REF)
        schemas = document["components"]["schemas"]
        schemas.update(problems["$defs"])
        document["components"]["schemas"] = dict(sorted(schemas.items()))
        document["components"]["responses"] = {
            f"Error{code}": _error(code) for code in sorted(ERRORS)
        }
        document["components"]["headers"] = {
            name: {"description": text, "schema": INTEGER} for name, text in RATE_HEADERS.items()
        }
        return document

    def generate_rules(self) -> Iterable[Rule]:
        """Yield the rules of the operations."""
        for rule in self._app.url_map.iter_rules():
            if hasattr(self._app.view_functions[rule.endpoint], ATTRIBUTE):
                yield rule

    def operation_id(self, method: str, path: str, func: Callable[..., Any]) -> str:
        """Return the name of the view, in the case that programs expect."""
        first, *others = func.__name__.split("_")
        return first + "".join(word.title() for word in others)

    def build_path_parameter(self, name: str, converter: BaseConverter) -> dict[str, Any]:
        """Describe a part of a path; numbers there have no sign."""
        parameter = super().build_path_parameter(name, converter)
        if parameter["schema"] == {"type": "integer"}:
            parameter["schema"] = {"type": "integer", "minimum": 1, "examples": [17]}
        else:
            parameter["schema"] = {"type": "string", "examples": ["alice"]}
        return parameter

    def build_querystring_parameters(
        self, model: type[AnyModel]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Describe what an address may hold behind its path, and what of that it must."""
        parameters, components = super().build_querystring_parameters(model)
        required = model_schema(model, preference="pydantic").get("required", ())
        for parameter in parameters:
            if parameter["name"] in required:
                parameter["required"] = True
            schema = parameter["schema"]
            # None is that it was left out: an address can't say null.
            if {"type": "null"} in schema.get("anyOf", ()):
                schema.update(schema.pop("anyOf")[0])
                del schema["default"]
        return parameters, components

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        """Describe the operations of a rule."""
        paths, components = super().build_paths(rule)
        view = self._app.view_functions[rule.endpoint]
        made: Operation = getattr(view, ATTRIBUTE)
        for path in paths.values():
            for described in path.values():
                described["tags"] = [rule.endpoint.split(".")[-2]]
                described.setdefault("security", [{}, {"token": []}, {"session": []}])
                described["description"] = described["description"].strip()
                self._complete(described, made)
                responses = described["responses"].items()
                described["responses"] = {str(code): answer for code, answer in responses}
                if "requestBody" in described:
                    described["requestBody"]["required"] = True
        return paths, components

    def _complete(self, described: dict[str, Any], made: Operation) -> None:
        """Add to an operation what its models don't say."""
        good = described["responses"].setdefault(made.status, {})
        good["description"] = made.description
        for kind, schema in made.kinds.items():
            if schema is not None:
                good.setdefault("content", {})[kind] = {"schema": schema}
        good.setdefault("headers", {}).update(
            {name: {"$ref": f"#/components/headers/{name}"} for name in RATE_HEADERS}
        )
        errors = COMMON_ERRORS | made.errors
        if "requestBody" in described:
            errors |= {415}
        parameters = described["parameters"]
        if any(parameter["in"] == "path" for parameter in parameters):
            errors |= {404}
        if {} not in described["security"]:
            errors |= {403}
        if made.is_idempotent:
            parameters.append(IDEMPOTENCY_KEY)
        if made.needs_match:
            errors |= {412, 428}
            parameters.append({**IF_MATCH})
        for parameter in parameters:
            if parameter.get("required") and "examples" in parameter["schema"]:
                # Swagger UI fills it in; those of a schema it only shows.
                parameter["example"] = parameter["schema"]["examples"][0]
        for code in sorted(errors):
            described["responses"][code] = {"$ref": f"#/components/responses/Error{code}"}
        if ANYTHING in made.kinds:
            described["responses"][206] = {**good, "description": "The part."}
        if made.status == 200 and "requestBody" not in described:
            described["responses"][304] = {"description": "You have it: `If-None-Match` names it."}

    def build_response_object(
        self, model: type[AnyModel], headers_model: type[AnyModel] | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Describe an answer; its model by its name, its headers where they belong."""
        response, components = super().build_response_object(model, headers_model)
        headers = response["content"].pop("headers", {})
        for header in headers.values():
            header["description"] = header["schema"].pop("description", "")
            header["required"] = True
        response["headers"] = headers
        return response, {**components, **_named(response["content"], model)}

    def build_request_body(
        self, model: type[AnyModel], source: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Describe a body; its model by its name."""
        request_body, components = super().build_request_body(model, source)
        return request_body, {**components, **_named(request_body["content"], model)}


def _named(content: dict[str, Any], model: type[AnyModel]) -> dict[str, Any]:
    """Put a reference in the place of a model's schema; return that by its name."""
    named = {}
    for described in content.values():
        named[model.__name__] = described["schema"]
        described["schema"] = {"$ref": REF.format(model=model.__name__)}
    return named


def _error(code: int) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if code in (429, 503):
        headers["Retry-After"] = {"description": "Seconds.", "schema": INTEGER}
    if code == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    example: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(code).phrase}
    example |= {"status": code, "detail": ERRORS[code].replace("`", "")}
    if code == 422:
        example["errors"] = [{"field": "/title", "detail": "This field is required."}]
    return {
        "description": ERRORS[code],
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": REF.format(model="Problem")},
                "examples": {"error": {"value": example}},
            }
        },
    }


schema = QuartSchema(
    openapi_path=None,
    swagger_ui_path=None,
    redoc_ui_path=None,
    scalar_ui_path=None,
    info=Info(title="qapp", version=version("qapp"), description=DESCRIPTION),
    tags=[Tag(name, description) for name, description in TAGS.items()],
    security_schemes={
        "token": HttpSecurityScheme("bearer"),
        "session": APIKeySecurityScheme("session", "cookie"),
    },
    conversion_preference="pydantic",
    openapi_provider_class=Provider,
)


def document_of(app: Quart) -> dict[str, Any]:
    """Make the OpenAPI document of an app that `schema` was initialised with."""
    provider: Provider = app.extensions["QUART_SCHEMA"].openapi_provider
    return provider.schema()
