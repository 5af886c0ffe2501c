"""A POST that is sent again is done once: the first answer is kept and given again.

The client names each deed by an `Idempotency-Key` of its own (draft-ietf-httpapi-idempotency-key).
The key is stored by the transaction that does the deed, so that there are both or neither,
whichever worker is asked and whatever becomes of it; of two at once, the second finds what the
first stored.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar

from quart import g, request
from werkzeug.exceptions import BadRequest

from qapp.ext.database import Database, Executor
from qapp.web.templating import now_ms

from .models import Model
from .problems import fault

M = TypeVar("M", bound=Model)
Answer = tuple[M, int, Mapping[str, str]]

HEADER = "Idempotency-Key"
KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_MS = 24 * 3600 * 1000
KEYS_A_PURGE = 100

FIND = """
SELECT fingerprint, status, headers, body FROM idempotency_keys
WHERE user_id = :user_id AND key = :key AND created_at >= :since_ms
"""
# An old key of the same name is overwritten; a new one never is, as it was looked for just before.
STORE = """
INSERT INTO idempotency_keys (user_id, key, fingerprint, status, headers, body, created_at)
VALUES (:user_id, :key, :fingerprint, :status, :headers, :body, :now_ms)
ON CONFLICT (user_id, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
    body = excluded.body, created_at = excluded.created_at
"""


class Stored(NamedTuple):
    """The first answer to a request."""

    fingerprint: str
    status: int
    headers: str
    body: str


async def once(
    db: Database,
    user_id: int,
    model: type[M],
    work: Callable[[Executor], Awaitable[Answer[M]]],
    *,
    content: bytes | None = None,
) -> Answer[M]:
    """Do a request's work, or give the answer that the same request got before.

    :param user_id: whose keys are looked at.
    :param model: what the answer's body is.
    :param work: does it with what it is handed: a transaction, which must not last.
    :param content: what tells this request from others; None is its body.
    :raises BadRequest: if the key can't be one.
    :raises Invalid: if the key was sent with another request.
    """
    key = request.headers.get(HEADER)
    if key is None:
        async with db.transaction() as tx:  # what can't be answered is not done
            return await work(tx)
    if not KEY.fullmatch(key):
        raise BadRequest(f"{HEADER} has to be 1 to 255 visible ASCII characters.")
    sent = await request.get_data(True, False, False) if content is None else content
    fingerprint = hashlib.sha256(b"\0".join([request.path.encode(), sent])).hexdigest()
    now = now_ms()
    values = {"user_id": user_id, "key": key, "since_ms": now - KEPT_MS}
    async with db.transaction() as tx:
        found = await tx.fetch_one(FIND, values, into=Stored)
        if found is not None:
            return _again(found, fingerprint, model)
        body, status, headers = await work(tx)
        if random.randrange(KEYS_A_PURGE) == 0:  # noqa: S311 - which one purges is no secret
            await tx.execute(
                "DELETE FROM idempotency_keys WHERE created_at < :since_ms",
                {"since_ms": now - KEPT_MS},
            )
        await tx.execute(
            STORE,
            {
                "user_id": user_id,
                "key": key,
                "fingerprint": fingerprint,
                "status": status,
                "headers": json.dumps(dict(headers)),
                "body": body.model_dump_json(),
                "now_ms": now,
            },
        )
    return body, status, headers


def _again(found: Stored, fingerprint: str, model: type[M]) -> Answer[M]:
    if found.fingerprint != fingerprint:
        raise fault(HEADER, "You have sent another request with this key: each needs its own.")
    g.is_replayed = True
    return model.model_validate_json(found.body), found.status, json.loads(found.headers)
