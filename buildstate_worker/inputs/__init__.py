"""The files that go into a milestone: declared by its user, or found in the words of its command.

- `names`: what a file is called in a fingerprint, whoever spells its path how
- `ignoring`: what does not count, whoever names it
- `content`: what is at a place: a file, a folder, the files that a glob matches
- `declared`: `--input` and `inputs=`
- `words`: the files that a command names, and those that its tools read without being told
- `standard_input`: what a command is fed with
- `command`: all of it for one command: looked at before it runs, and once more when it has ended
"""
