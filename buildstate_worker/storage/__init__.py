"""Where artifacts are kept: one interface, and a folder for each vendor behind it.

- `base`: what a storage has to do; `registry`: which adapter moves the bytes of which URI
- `local`, `s3`, `azure`, `gcs`, `sftp`: the adapters that ship with BuildState; `generic`: the rest
  of what fsspec knows
- `failures`: the sentences of what goes wrong; `uris`: what a URI means
- `mount_check`: whether a folder in which a file is missing is there at all

Importing this loads no vendor's library.
"""
