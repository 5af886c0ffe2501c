"""Sessions: a few values for one visitor, in a signed cookie."""

from quart import (
    Blueprint,
    abort,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from quart.typing import ResponseReturnValue

from qapp.accounts import current_user

blueprint = Blueprint("sessions", __name__)

LONGEST = 200  # the whole cookie has to stay below 4096 bytes
SECRET = frozenset({"csrf_token", "login"})


def username() -> str | None:
    user = current_user()
    return user.username if user else None


def held() -> dict[str, object]:
    """Return what the session holds; of a secret its name alone."""
    return {
        name: "kept to itself"
        if name in SECRET or name.startswith("_")
        else session[name]
        for name in sorted(session)
    }


async def session_page(
    note: str = "",
    problem: str | None = None,
) -> str:
    return await render_template(
        "tour/live/session.html",
        user=username(),
        held=held(),
        note=note,
        problem=problem,
    )


@blueprint.get("/session")
async def show() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return await session_page(note=session.get("note", ""))


@blueprint.post("/session")
async def change() -> ResponseReturnValue:
    form = await request.form
    if form["action"] == "pop":
        session.pop("note", None)
    elif form["action"] == "set":
        note = form["note"]
        if not 0 < len(note) <= LONGEST:
            problem = f"A note has 1 to {LONGEST} characters."
            return await session_page(note, problem), 422
        session["note"] = note
    else:
        abort(400)
    return redirect(url_for(".show"))
