"""The tokens that programs log in with: made, listed, revoked, and asked whose they are."""

from __future__ import annotations

from .queries import Token, TokenNameTaken, list_tokens, remove_token
from .service import (
    LONGEST_DAYS,
    LONGEST_NAME,
    MOST_TOKENS,
    SCOPES,
    NewToken,
    TooManyTokens,
    add_token,
    caller_of,
)

__all__ = [
    "LONGEST_DAYS",
    "LONGEST_NAME",
    "MOST_TOKENS",
    "SCOPES",
    "NewToken",
    "Token",
    "TokenNameTaken",
    "TooManyTokens",
    "add_token",
    "caller_of",
    "list_tokens",
    "remove_token",
]
