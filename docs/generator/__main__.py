"""Write the generated pages of the reference, and remove those that are generated no more."""

from pathlib import Path

from docs.generator import pages

for page in pages.stale(folder := Path(__file__).parents[1]):
    page.write(folder)
    print(page.path)  # noqa: T201 - for whoever runs it
