"""How the files that a milestone returns are stored, as its options say."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from buildstate_core.credentials import HoldsCredential
from buildstate_core.errors import InvalidInput
from buildstate_core.models.projects import StorageUrl
from buildstate_core.vocabulary import Compression, Sensitivity

CompressionName = Literal["none", "zstd", "auto"]
SensitivityName = Literal["public", "internal", "secret"]

Word = TypeVar("Word", bound=StrEnum)

_STORAGE: Final[TypeAdapter[str]] = TypeAdapter(StorageUrl)


@dataclass(frozen=True, kw_only=True)
class Storing:
    """How each blob is stored; `None` for what the project says."""

    storage: str | None = None
    compression: Compression | None = None
    sensitivity: Sensitivity = Sensitivity.INTERNAL

    @classmethod
    def of(
        cls, milestone: str, *, storage: str | None, compression: str | None, sensitivity: str
    ) -> Self:
        """Read it as it is written at a milestone.

        Args:
            milestone: Its name, for the error.
            storage: A folder or a template.
            compression: The name of one.
            sensitivity: The name of one.

        Raises:
            InvalidInput: One of them is none; `field` names it.
        """
        if storage is not None:
            _check_storage(storage, milestone)
        return cls(
            storage=storage,
            compression=(
                None
                if compression is None
                else _word(Compression, compression, "compression", milestone)
            ),
            sensitivity=_word(Sensitivity, sensitivity, "sensitivity", milestone),
        )

    @property
    def is_about_places(self) -> bool:
        """Whether it says something about where files may lie."""
        return self.storage is not None or self.sensitivity is not Sensitivity.INTERNAL


def _check_storage(storage: str, milestone: str) -> None:
    try:
        _STORAGE.validate_python(storage)
    except ValidationError as error:
        why = error.errors()[0].get("ctx", {}).get("error", "it is no storage")
        seen = "" if isinstance(why, HoldsCredential) else f" is {storage!r}"
        raise InvalidInput(f"The storage of {milestone}{seen}: {why}.", field="storage") from None


def _word(words: type[Word], value: str, field: str, milestone: str) -> Word:
    try:
        return words(value)
    except ValueError:
        raise InvalidInput(
            f"The {field} of {milestone} is {value!r}; use one of {', '.join(words)}.", field=field
        ) from None
