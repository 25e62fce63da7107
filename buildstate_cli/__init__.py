"""The command line, `bldst`.

- `main` runs it and is the one place where an error becomes text and an exit code;
- `app` puts the commands together;
- `commands` has a small module for each group: names, options and help, and nothing heavy;
- `actions` does what they say, and is imported when the first command runs;
- `views` writes resources for people.
"""
