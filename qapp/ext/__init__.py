"""The async counterparts of Flask's extensions; nothing in here knows the site."""
