"""Applications of what the site itself has no route for.

Each runs by itself, as does its Flask original of the same name:
`quart --app qapp.tour.apps.hooks run`
"""
