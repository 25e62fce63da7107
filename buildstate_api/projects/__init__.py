"""Projects and their catalogues."""
