"""WTForms on Quart, under Flask-WTF's names: what reads the request or validates is awaited.

A form that looks something up while it is validated; any other validators may stand beside:

    from quart import Quart, render_template_string
    from wtforms import StringField, ValidationError
    from qapp.ext.forms import QuartForm

    app = Quart(__name__)
    app.secret_key = "change me"

    class NameForm(QuartForm):
        name = StringField()

        async def validate_name(form, field):
            if field.data == "Bob":
                raise ValidationError("Bob is taken.")

    @app.route("/", methods=["GET", "POST"])
    async def index():
        form = await NameForm.create_form()
        if await form.validate_on_submit():
            return f"Hello {form.name.data}"
        page = "<form method=post>{{ form.hidden_tag() }} {{ form.name }} {{ form.errors }}</form>"
        return await render_template_string(page, form=form)
"""

from .files import (
    FileAllowed,
    FileField,
    FileRequired,
    FileSize,
    MultipleFileField,
    file_allowed,
    file_required,
    file_size,
)
from .form import AUTO, QuartForm
from .submission import SUBMIT_METHODS
from .text import NoControlCharacters

__all__ = (
    "AUTO",
    "SUBMIT_METHODS",
    "FileAllowed",
    "FileField",
    "FileRequired",
    "FileSize",
    "MultipleFileField",
    "NoControlCharacters",
    "QuartForm",
    "file_allowed",
    "file_required",
    "file_size",
)
