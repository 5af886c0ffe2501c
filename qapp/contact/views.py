"""The contact form, and one message by mail."""

from __future__ import annotations

from quart import Blueprint, current_app, render_template
from quart.typing import ResponseReturnValue

from qapp.ext.mail import BadHeaderError, Message
from qapp.extensions import db, mail
from qapp.web.forms import read_form
from qapp.web.limits import count_try

from .forms import ContactForm, MailForm

blueprint = Blueprint("contact", __name__)

# What the form lets through and no message can hold.
UNMAILABLE = (
    "This can't be mailed as it stands. "
    "Look for odd characters in the first line, "
    "and whether the email address is right."
)


@blueprint.route("/contact", methods=["GET", "POST"])
async def contact() -> ResponseReturnValue:
    """Mail what a visitor has filled in to the operator."""
    page = "contact/contact.html"
    form = await read_form(ContactForm)
    if not form.is_submitted():
        return await render_template(page, form=form)
    if await form.validate_on_submit():
        message = Message(
            f"Contact: {form.name.data}",
            body=await render_template("contact/message.txt", form=form),
            reply_to=form.email.data,
        )
        try:
            await to_operator(message)
        except BadHeaderError:
            form.form_errors.append(UNMAILABLE)
        else:
            thanks = "contact/success.html"
            return await render_template(thanks, name=form.name.data)
    return await render_template(page, form=form), 422


@blueprint.route("/mail", methods=["GET", "POST"], endpoint="mail")
async def one_message() -> ResponseReturnValue:
    """Mail one message to the operator; not to whom a visitor likes."""
    page = "contact/mail.html"
    form = await read_form(MailForm)
    if not form.is_submitted():
        return await render_template(page, form=form)
    if await form.validate_on_submit():
        message = Message(form.subject.data, body=form.body.data)
        try:
            await to_operator(message)
        except BadHeaderError:
            form.form_errors.append(UNMAILABLE)
        else:
            return await render_template(page, form=form, is_sent=True)
    return await render_template(page, form=form), 422


async def to_operator(message: Message) -> None:
    """Put a message to the operator into the outbox.

    :raises RateLimited: if this address has written too often.
    :raises BadHeaderError: if a name, a subject or an address can't
        stand in a message's head.
    """
    await count_try("contact")
    message.add_recipient(current_app.config["OPERATOR_ADDRESS"])
    await mail.enqueue(message, db)
