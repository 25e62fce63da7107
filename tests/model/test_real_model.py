"""The same stories with the real service, worker, storage and workspaces."""

from itertools import count
from pathlib import Path
from typing import Final

from hypothesis import Phase, given, note, settings
from support import Service

from .pipelines import Story, stories
from .real import Real
from .telling import shown, tell

SOME: Final = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=15,
    # A story takes a second: a shorter one that fails as well is looked for with the rules alone.
    phases=[Phase.generate],
)


def test_a_build_that_the_real_service_resumes_is_as_one_made_from_nothing(
    service: Service, tmp_path: Path
) -> None:
    numbers = count()

    @SOME
    @given(story=stories(least=2))
    def is_as_one_made_from_nothing(story: Story) -> None:
        note(shown(story))
        name = f"p{next(numbers)}"
        folder = tmp_path / name
        folder.mkdir()
        project = service.make_project(name, storage_url=(folder / "storage").as_uri())
        real = Real(service, service.make_build(project), folder)
        tell(story, real, real.make_site)

    is_as_one_made_from_nothing()
    found = service.query(
        "SELECT 1 FROM build_states WHERE starts_with(reason, 'discovered_changed')"
    )
    assert found, "no story was about what is read"
