"""What the OpenAPI document says of everything at once, and of what is no operation."""

from __future__ import annotations

from typing import Any

from .models import EXAMPLE_TIME

DESCRIPTION = """\
Entries, students and files of this site, for programs.

- **Times** are ISO 8601 in UTC.
- **Lists** have `items` and `next`: the address of the next page, or null.
- **Errors** are problem details (RFC 9457), each field that is wrong with its fault.
- **Changes** need the `ETag` of what you have seen, as `If-Match`: nothing new is overwritten.
- **A POST** with an `Idempotency-Key` can be sent again: it is done once.
- **Tokens** are made on your account page, or by `qapp token add`; reading what everybody may see \
needs none.
"""
TAGS = {
    "entries": "The posts of the blog.",
    "students": "The table of students.",
    "files": "What was uploaded.",
    "users": "What everybody may know of a user.",
    "me": "Your own account.",
}
ERRORS = {
    400: "The request can't be read.",
    401: "A token is missing, or is none that is good.",
    403: "It is another's, or the token is only for reading.",
    404: "It is not there.",
    405: "The method is none that is here.",
    406: "Nothing that is accepted can be sent.",
    408: "The request took too long to arrive.",
    409: "The name is taken.",
    412: "It was changed since it was seen.",
    413: "The body is too large.",
    415: "The body is of another type.",
    416: "The file has no such part.",
    422: "Fields are wrong: `errors` names each.",
    428: "If-Match is missing.",
    429: "Too many requests: `Retry-After` says when there may be more.",
    500: "Something broke here.",
    503: "Too busy: `Retry-After` says when to try again.",
    507: "There is no room left.",
}
INTEGER: dict[str, Any] = {"type": "integer"}
RATE_HEADERS = {
    "RateLimit-Limit": "How many requests there may be in a window.",
    "RateLimit-Remaining": "How many there may be now.",
    "RateLimit-Reset": "In how many seconds there may be all of them again.",
}
# Outside of /api/v1, and a stream without end: no operation like the others.
LIVE = {
    "get": {
        "tags": ["entries"],
        "summary": "Hear of each new, changed or deleted entry.",
        "description": "Server-sent events, without end. Each has an id, and as data a JSON "
        "object. Of a new entry (`entry`): id, title, author, url and created_at; of one that was "
        "`changed`: id, title, author, url and updated_at; of one that was `deleted`: id. A "
        "comment comes every 15 seconds. After the event `reset` some were missed: get the list "
        "anew.",
        "operationId": "followEntries",
        "security": [{}],
        "parameters": [
            {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The id of the last event that was seen: what came since is sent.",
                "schema": {"type": "string"},
            }
        ],
        "responses": {
            "200": {
                "description": "The stream.",
                "content": {
                    "text/event-stream": {
                        "schema": {"type": "string"},
                        "examples": {
                            "entry": {
                                "value": "id: 17\nevent: entry\n"
                                'data: {"id":17,"title":"Tea","author":"alice","url":"/post/17",'
                                f'"created_at":"{EXAMPLE_TIME}"}}\n\n'
                            }
                        },
                    }
                },
            },
            "503": {
                "description": "Too many follow already: `Retry-After` says when to try again."
            },
        },
    }
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names this deed: a request with the same key is done once, and answered alike.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
}
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of what you have seen.",
    "schema": {"type": "string", "pattern": r'^"[\x21\x23-\x7e]+"$', "examples": ['"17"']},
}
