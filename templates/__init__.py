"""Report pages: render.py, Jinja2 templates and CSS."""
