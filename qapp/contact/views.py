"""The contact form, and one message by mail."""

from __future__ import annotations

from quart import Blueprint, current_app, render_template, request
from quart.typing import ResponseReturnValue

from qapp.ext.limits import Rate, network_of, take
from qapp.ext.mail import BadHeaderError, Message
from qapp.extensions import db, mail
from qapp.web.forms import read_form
from qapp.web.templating import now_ms

from .forms import ContactForm, MailForm

blueprint = Blueprint("contact", __name__)

# What no form says in advance: a line end that only Unicode knows, an address with two dots.
UNMAILABLE = (
    "This can't be mailed as it stands. Look for odd characters in the first line, "
    "and whether the email address is right."
)


@blueprint.route("/contact", methods=["GET", "POST"])
async def contact() -> ResponseReturnValue:
    """Mail what a visitor has filled in to the operator."""
    form = await read_form(ContactForm)
    if not form.is_submitted():
        return await render_template("contact/contact.html", form=form)
    if not await form.validate_on_submit():
        return await render_template("contact/contact.html", form=form), 422
    body = await render_template("contact/message.txt", form=form)
    reply_to = (form.name.data, form.email.data)
    try:
        await to_operator(Message(f"Contact: {form.name.data}", body=body, reply_to=reply_to))
    except BadHeaderError:
        form.form_errors.append(UNMAILABLE)
        return await render_template("contact/contact.html", form=form), 422
    return await render_template("contact/success.html", name=form.name.data)


@blueprint.route("/mail", methods=["GET", "POST"], endpoint="mail")
async def one_message() -> ResponseReturnValue:
    """Mail one message to the operator; not to whom a visitor likes."""
    form = await read_form(MailForm)
    if not form.is_submitted():
        return await render_template("contact/mail.html", form=form, is_sent=False)
    if not await form.validate_on_submit():
        return await render_template("contact/mail.html", form=form, is_sent=False), 422
    try:
        await to_operator(Message(form.subject.data, body=form.body.data))
    except BadHeaderError:
        form.form_errors.append(UNMAILABLE)
        return await render_template("contact/mail.html", form=form, is_sent=False), 422
    return await render_template("contact/mail.html", form=form, is_sent=True)


async def to_operator(message: Message) -> None:
    """Put a message to the operator into the outbox.

    :raises RateLimited: if this address has written too often.
    :raises BadHeaderError: if a name, a subject or an address can't stand in a message's head.
    """
    rate = current_app.config["RATE_LIMITS"].get("contact")
    if rate is not None:
        key = f"contact:{network_of(request.remote_addr)}"
        await take(db, key, Rate(*rate), now_ms=now_ms())
    message.add_recipient(current_app.config["OPERATOR_ADDRESS"])
    await mail.enqueue(message, db)
