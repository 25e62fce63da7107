"""The command line, `bldst`.

- `main` runs it, and is the one place where an error becomes text and an exit code;
- `app` puts the groups of commands together;
- one folder for each group that `bldst --help` shows. In it `commands` has names, options and help,
  and imports nothing heavy; `actions` (or a module named for one command) does what a command says,
  and is imported when that command runs; `view` writes the results for people;
- `output` has all that prints: results on stdout, messages and progress on stderr.
"""
