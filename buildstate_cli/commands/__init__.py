"""The groups of commands: names, options and help.

`bldst --help` imports all of them, so they import nothing heavy. Each has a `register` that adds
its commands to the group above; what a command does is in `buildstate_cli.actions`.
"""
