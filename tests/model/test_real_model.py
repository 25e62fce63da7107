"""The same stories with the real service, runner, storage and workspaces."""

from itertools import count
from pathlib import Path

from hypothesis import Phase, given, note, settings
from support import Service

from .pipelines import Story, stories
from .real import Real
from .telling import shown, tell

SOME = settings(
    deadline=None, derandomize=True, database=None, max_examples=40, phases=[Phase.generate]
)


def test_a_resumed_build_of_the_real_service_is_as_one_made_from_nothing(
    service: Service, tmp_path: Path
) -> None:
    numbers = count()

    @SOME
    @given(story=stories())
    def is_as_one_made_from_nothing(story: Story) -> None:
        note(shown(story))
        name = f"p{next(numbers)}"
        folder = tmp_path / name
        folder.mkdir()
        project = service.make_project(name, storage_url=(folder / "storage").as_uri())
        real = Real(service, service.make_build(project), folder)
        import time

        t = time.time()
        print("B", len(story.pipeline), len(story.rounds), flush=True)
        tell(story, real, real.make_site)
        print("T", time.time() - t, flush=True)

    is_as_one_made_from_nothing()
