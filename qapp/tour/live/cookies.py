"""Cookies: set one on the response, read it from the next request."""

from quart import Blueprint, make_response, render_template, request
from quart.typing import ResponseReturnValue

blueprint = Blueprint("cookies", __name__)

LONGEST = 100  # a browser drops a cookie of over 4096 bytes


@blueprint.get("/cookies")
async def cookies() -> str:
    return await render_template("tour/live/cookies.html")


@blueprint.post("/setcookie")
async def setcookie() -> ResponseReturnValue:
    user = (await request.form)["nm"]
    if not 0 < len(user) <= LONGEST:
        problem = f"A name has 1 to {LONGEST} characters."
        return await render_template(
            "tour/live/cookies.html", user=user, problem=problem
        ), 422
    response = await make_response(
        await render_template("tour/live/readcookie.html")
    )
    response.set_cookie(
        "userID",
        user,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


@blueprint.get("/getcookie")
async def getcookie() -> str:
    return await render_template(
        "tour/live/getcookie.html", user=request.cookies.get("userID")
    )
