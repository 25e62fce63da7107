"""The parameters that routes of several packages take."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query
from pydantic import AfterValidator

from buildstate_core.models.base import storable
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE

ArtifactPath = Annotated[UUID, Path(description="The artifact's id.")]

AttemptPath = Annotated[UUID, Path(description="The attempt's id.")]

BuildPath = Annotated[str, Path(description="The build's id or number.", max_length=64)]

ProjectPath = Annotated[
    str, Path(description="The project's name.", max_length=64), AfterValidator(storable)
]

StateFilter = Annotated[int | None, Query(ge=MIN_STATE, le=MAX_STATE)]
