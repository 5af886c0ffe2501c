"""The live chapters, a module each: its blueprint holds its routes."""

from __future__ import annotations

from quart import Blueprint

from . import application, cookies

CHAPTERS: tuple[Blueprint, ...] = (
    application.blueprint,
    cookies.blueprint,
)
