"""The names that people give: of lanes, and what tells one build from another.

A name is compared character by character, so that two spellings of it would be two builds. Each is
brought into one form before anything compares it: without blanks around it, in Unicode's NFC. What
cannot be seen in it is refused.
"""

import re
import unicodedata
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError

from buildstate_core.errors import InvalidInput
from buildstate_core.models.refusals import UseInstead, refusal, shown
from buildstate_core.vocabulary import TRUNK, TRUNK_IN_WORDS

_BLANKS: Final = "\t \xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
"""A tab and Unicode's spaces. The end of a line is none: it is refused, as in the middle."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LANE: Final = "[A-Za-z0-9][A-Za-z0-9._-]"
_MAX_LANE: Final = 63
_A_LANE: Final = "a lane's name, or leave it out for the trunk"


def in_one_form(value: object) -> object:
    """Return a name without blanks around it, in NFC; what is no text is left to pydantic.

    >>> in_one_form(" rhel 9 "), in_one_form("größe") == in_one_form("größe")
    ('rhel 9', True)

    Raises:
        ValueError: It has a character that cannot be seen.
    """
    if not isinstance(value, str):
        return value
    name = unicodedata.normalize("NFC", value).strip(_BLANKS)
    for each in name:
        if unicodedata.category(each) in _UNSEEN:
            raise ValueError(f"it contains the control character U+{ord(each):04X}; leave that out")
    return name


def given_lane(lane: object, name: str = "lane", *, field: str | None = None) -> str:
    """Return the lane that somebody has named.

    Requests and answers write the trunk as the empty name. Where a lane is *named*, by an option
    or in Python, an empty one is a variable that is not set: what was meant for one region would
    go into the trunk, and so to all of them.

    Args:
        lane: As given.
        name: What the reader calls it, for the error.
        field: The error's `field`, if it is not the name.

    Raises:
        InvalidInput: It is empty, or names no lane.
    """
    try:
        found = _LANES.validate_python(lane)
    except ValidationError as error:
        raise refusal(error.errors()[0], name, field=field) from None
    if found == TRUNK:
        raise InvalidInput(
            f"{name} is {shown(lane)}; use {_A_LANE}.",
            code="empty-lane",
            field=field or name,
            hint="Does it come from a variable that is not set?",
        )
    return found


def _some_text(value: object) -> object:
    name = in_one_form(value)
    if name == "":
        raise UseInstead("some text, or leave it out")
    return name


def _lane(value: object) -> object:
    name = in_one_form(value)
    if not isinstance(name, str) or value == TRUNK:
        return name
    if not name:
        raise UseInstead(_A_LANE)
    if name.casefold() == TRUNK_IN_WORDS:
        raise UseInstead("another name: the trunk is meant where no lane is given")
    if not re.fullmatch(f"{_LANE}*", name):
        raise UseInstead("letters, digits, dot, dash and underscore, and a letter or digit first")
    if len(name) > _MAX_LANE:
        raise UseInstead(f"at most {_MAX_LANE} characters")
    return name


LaneName = Annotated[
    str,
    StringConstraints(pattern=f"^({_LANE}{{0,{_MAX_LANE - 1}}})?$"),
    BeforeValidator(_lane),
    Field(examples=["eu-west-1"], description="Empty for the trunk, whose name no lane has."),
]
_LANES: Final[TypeAdapter[str]] = TypeAdapter(LaneName)

Trait = Annotated[str, StringConstraints(min_length=1, max_length=128), BeforeValidator(_some_text)]
"""What a build is of: its version, platform, OS or image type."""
BuildKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500),
    BeforeValidator(_some_text),
    Field(examples=["9.6/aws/rhel-9/base"]),
]
