"""`bldst config`: the settings in force."""
