"""Projects: create, change, list, show."""

from buildstate_cli.actions.checking import checked
from buildstate_cli.actions.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.printing import show
from buildstate_cli.session import Session
from buildstate_cli.views import projects
from buildstate_core.errors import InvalidInput
from buildstate_core.models import ProjectCreate, ProjectUpdate


def create(session: Session, output: Format, **values: object) -> None:
    """Create a project and print it."""
    request = checked(ProjectCreate, values, flags={"name": "NAME"})
    with connect(session) as client:
        show(client.create_project(request), output, projects.one)


def update(session: Session, output: Format, project: str, **values: object) -> None:
    """Change what is said of a project, and print it.

    Raises:
        InvalidInput: Nothing is to change.
    """
    request = checked(ProjectUpdate, values)
    if not request.model_fields_set:
        raise InvalidInput(
            "There is nothing to change.",
            code="nothing-to-change",
            hint="Give what is to be different, such as --auto-resume lost.",
        )
    with connect(session) as client:
        show(client.update_project(project, request), output, projects.one)


def list_all(session: Session, output: Format) -> None:
    """Print all projects."""
    with connect(session) as client:
        show(list(client.list_projects()), output, projects.listing)


def show_one(session: Session, output: Format, project: str) -> None:
    """Print one project."""
    with connect(session) as client:
        show(client.get_project(project), output, projects.one)
