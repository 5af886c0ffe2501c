"""The contact form, and one message by mail."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_mail import BadHeaderError, Message

from .extensions import mail
from .forms import ContactForm, MailForm
from .reading import read_form

blueprint = Blueprint(
    "contact", __name__, template_folder="../../../templates"
)

# What the form lets through and no message can hold.
UNMAILABLE = (
    "This can't be mailed as it stands. "
    "Look for odd characters in the first line, "
    "and whether the email address is right."
)


@blueprint.route("/contact", methods=["GET", "POST"])
def contact() -> ResponseReturnValue:
    """Mail what a visitor has filled in to the operator."""
    page = "contact/contact.html"
    form = read_form(ContactForm)
    if not form.is_submitted():
        return render_template(page, form=form)
    if form.validate_on_submit():
        message = Message(
            f"Contact: {form.name.data}",
            body=render_template("contact/message.txt", form=form),
            reply_to=form.email.data,
        )
        try:
            to_operator(message)
        except BadHeaderError:
            form.form_errors.append(UNMAILABLE)
        else:
            thanks = "contact/success.html"
            return render_template(thanks, name=form.name.data)
    return render_template(page, form=form), 422


@blueprint.route("/mail", methods=["GET", "POST"], endpoint="mail")
def one_message() -> ResponseReturnValue:
    """Mail one message to the operator; not to whom a visitor likes."""
    page = "contact/mail.html"
    form = read_form(MailForm)
    if not form.is_submitted():
        return render_template(page, form=form)
    if form.validate_on_submit():
        message = Message(form.subject.data, body=form.body.data)
        try:
            to_operator(message)
        except BadHeaderError:
            form.form_errors.append(UNMAILABLE)
        else:
            return render_template(page, form=form, is_sent=True)
    return render_template(page, form=form), 422


def to_operator(message: Message) -> None:
    """Send a message to the operator.

    :raises BadHeaderError: if a name, a subject or an address can't
        stand in a message's head.
    """
    message.add_recipient(current_app.config["OPERATOR_ADDRESS"])
    mail.send(message)
