"""What a milestone takes besides its function, and what is refused where it is written."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, Literal, TypedDict, TypeVar

from prefect.assets import Asset
from prefect.tasks import (
    RetryConditionCallable,
    StateHookCallable,
    TaskRunNameValueOrCallable,
)
from pydantic import TypeAdapter, ValidationError

from buildstate_core.errors import InvalidInput
from buildstate_core.models.names import given_lane
from buildstate_core.models.projects import StorageUrl
from buildstate_core.models.refusals import refusal
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE, Compression, Kind, Sensitivity
from buildstate_worker.storage_options import StorageOptions

KindName = Literal["checkpoint", "step", "effect", "gate", "ephemeral"]
CodeName = Literal["own", "ignore"]
CompressionName = Literal["none", "zstd", "auto"]
SensitivityName = Literal["public", "internal", "secret"]

Word = TypeVar("Word", bound=StrEnum)

_STORAGE: Final[TypeAdapter[str]] = TypeAdapter(StorageUrl)
HOOKS: Final = ("on_completion", "on_failure", "on_running")
_CACHING: Final = frozenset(
    {
        "cache_policy", "cache_key_fn", "cache_expiration", "refresh_cache", "persist_result",
        "result_storage", "result_serializer", "result_storage_key", "cache_result_in_memory",
    }
)  # fmt: skip


class TaskOptions(TypedDict, total=False):
    """What a milestone takes from `prefect.task`. Caching is not among it: the service does that.

    `version` stands for the function's code in its fingerprint: a milestone with a version is
    made again when that changes, whatever happens to the code.
    """

    name: str | None
    description: str | None
    tags: Sequence[str] | set[str] | None
    version: str | None
    task_run_name: TaskRunNameValueOrCallable | None
    retries: int | None
    retry_delay_seconds: float | list[float] | Callable[[int], list[float]] | None
    retry_jitter_factor: float | None
    retry_condition_fn: RetryConditionCallable | None
    timeout_seconds: float | None
    log_prints: bool | None
    on_completion: list[StateHookCallable] | None
    on_failure: list[StateHookCallable] | None
    on_running: list[StateHookCallable] | None
    viz_return_value: Any
    asset_deps: list[str | Asset] | None


class MilestoneOptions(TaskOptions, total=False):
    """What `with_options` can change."""

    state: int
    lane: str | None
    kind: Kind | KindName | None
    inputs: Sequence[str]
    code: CodeName
    ignore: Sequence[str]
    discover: bool
    ignore_reads: Sequence[str]
    storage: str | None
    compression: Compression | CompressionName | None
    sensitivity: Sensitivity | SensitivityName


def kind_of(kind: str) -> Kind:
    """Return a kind by its name.

    Raises:
        InvalidInput: There is no such kind.
    """
    try:
        return Kind(kind)
    except ValueError as error:
        raise InvalidInput(
            f"kind is {kind!r}; use one of {', '.join(Kind)}.", code="bad-kind", field="kind"
        ) from error


def storage_options_of(
    milestone: str, *, storage: str | None, compression: str | None, sensitivity: str
) -> StorageOptions:
    """Return the storage options that are written at a milestone.

    Args:
        milestone: Its name, for the error.
        storage: A folder or a template.
        compression: The name of one.
        sensitivity: The name of one.

    Raises:
        InvalidInput: A value is wrong; `field` names it.
    """
    if storage is not None:
        _check_storage(storage, milestone)
    return StorageOptions(
        storage=storage,
        compression=(
            None
            if compression is None
            else _word(Compression, compression, "compression", milestone)
        ),
        sensitivity=_word(Sensitivity, sensitivity, "sensitivity", milestone),
    )


def check(
    fn: object,
    name: str,
    options: TaskOptions,
    *,
    state: object,
    lane: object,
    inputs: object,
    code: object,
    ignore: Iterable[str],
) -> None:
    """Refuse what cannot work at the decoration, where it is written.

    Raises:
        InvalidInput: The function, the state, the lane, or one of the options.
    """
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise InvalidInput(
            f"{name} is a generator; a milestone has one result.",
            code="generator",
            hint="Return what it makes: a dict of paths by name, for several files.",
        )
    if isinstance(fn, classmethod | staticmethod) or not callable(fn):
        raise InvalidInput(
            f"{name} is no function.",
            code="no-function",
            hint="Put @milestone below @staticmethod or @classmethod, next to the function.",
        )
    if not isinstance(state, int) or isinstance(state, bool) or not MIN_STATE <= state <= MAX_STATE:
        raise InvalidInput(
            f"The state of {name} is {state!r}; use an integer from 0 to 100.",
            code="state-out-of-range",
            field="state",
        )
    if lane is not None and not _is_template(lane):
        given_lane(lane, f"The lane of {name}", field="lane")
    if isinstance(inputs, str):
        raise InvalidInput(
            f"The inputs of {name} are one string.", field="inputs", hint=f"Write [{inputs!r}]."
        )
    _check_ignore(fn, name, ignore)
    if code not in {"own", "ignore"}:
        raise InvalidInput(f"The code of {name} is {code!r}; use own or ignore.", field="code")
    refused = _CACHING & options.keys()
    if refused:
        raise InvalidInput(
            f"{name} takes no {min(refused)}: the state service is the only cache.",
            code="no-caching",
            field=min(refused),
        )


def check_reads(name: str, *, discover: object, ignore_reads: object) -> None:
    """Refuse what cannot be meant about a milestone's reads, where it is written.

    Raises:
        InvalidInput: One of the options.
    """
    if not isinstance(discover, bool):
        raise InvalidInput(
            f"The discover of {name} is {discover!r}; use True or False.", field="discover"
        )
    if isinstance(ignore_reads, str):
        raise InvalidInput(
            f"The ignore_reads of {name} are one string.",
            field="ignore_reads",
            hint=f"Write [{ignore_reads!r}].",
        )
    if not isinstance(ignore_reads, Sequence) or not all(
        isinstance(each, str) and each for each in ignore_reads
    ):
        raise InvalidInput(
            f"The ignore_reads of {name} are {ignore_reads!r}; use a list of globs.",
            field="ignore_reads",
            hint='Write them relative to the project: ["cache/*"].',
        )
    absolute = next((each for each in ignore_reads if each.startswith(("/", "~", ".."))), None)
    if absolute is not None:
        raise InvalidInput(
            f"The ignore_reads of {name} name {absolute!r}, which is not in the project.",
            field="ignore_reads",
            hint="What lies outside of the project does not count; leave it out.",
        )


def no_task_worker(name: str) -> InvalidInput:
    """Return the error for a milestone that is to run some time later, somewhere else."""
    return InvalidInput(
        f"{name} is a milestone of the open build; it cannot be left to a task worker, which has"
        " none.",
        code="no-background-task",
        hint="Use `submit` or `map` in the flow, or open the build in a flow that is deployed.",
    )


def _is_template(lane: object) -> bool:
    return isinstance(lane, str) and bool({"{", "}"} & set(lane))


def _check_ignore(fn: Callable[..., object], name: str, ignore: Iterable[str]) -> None:
    if isinstance(ignore, str):
        raise InvalidInput(
            f"The ignore of {name} is one string.", field="ignore", hint=f"Write [{ignore!r}]."
        )
    known = inspect.signature(fn).parameters
    wrong = [each for each in ignore if each not in known]
    if wrong:
        raise InvalidInput(
            f"{name} has no parameter {wrong[0]!r} that could be ignored.",
            code="bad-ignore",
            field="ignore",
            hint=f"It has {', '.join(known) or 'none'}.",
        )


def _check_storage(storage: str, milestone: str) -> None:
    try:
        _STORAGE.validate_python(storage)
    except ValidationError as error:
        name = f"The storage of {milestone}"
        raise refusal(error.errors()[0], name, field="storage") from None


def _word(words: type[Word], value: str, field: str, milestone: str) -> Word:
    try:
        return words(value)
    except ValueError:
        raise InvalidInput(
            f"The {field} of {milestone} is {value!r}; use one of {', '.join(words)}.", field=field
        ) from None
