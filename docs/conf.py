"""How `make docs` builds the site. Its pages are in `_toc.yml`."""

project = "BuildState"
copyright = "the authors of BuildState"  # noqa: A001 - Sphinx reads this name

extensions = ["myst_parser", "sphinx_external_toc"]
exclude_patterns = ["_build", "generator"]

# Every reference has to lead somewhere.
nitpicky = True
# So that a link to a heading, as GitHub resolves it, is resolved and checked here too.
myst_heading_anchors = 4

html_theme = "furo"
html_title = "BuildState"
html_show_sphinx = False
html_copy_source = False
