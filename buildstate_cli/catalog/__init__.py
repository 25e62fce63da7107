"""`bldst catalog`: the states of a project."""
