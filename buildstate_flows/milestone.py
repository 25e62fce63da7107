"""The decorator: a Prefect task that records, and is skipped when it is done."""

import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, TypedDict, TypeVar

from prefect import Task
from prefect.assets import Asset
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.futures import PrefectFuture
from prefect.tasks import (
    RetryConditionCallable,
    StateHookCallable,
    TaskRunNameValueOrCallable,
)
from prefect.utilities.callables import get_call_parameters
from typing_extensions import Unpack

from buildstate_core.errors import InvalidInput
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE, TRUNK, Kind
from buildstate_flows.calls import Call, Recipe
from buildstate_flows.passes import Pass
from buildstate_flows.rewinding import perform, perform_async

P = ParamSpec("P")
R = TypeVar("R")

KindName = Literal["checkpoint", "step", "effect", "gate", "ephemeral"]

_HOOKS: Final = ("on_completion", "on_failure", "on_running")
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
    lane: str
    kind: Kind | KindName | None
    inputs: Sequence[str]


class Milestone(Task[P, R]):
    """A Prefect task whose run is one milestone of the open build.

    `.fn` is the plain function, for unit tests. Outside a flow a call runs without Prefect's
    engine, and so without its retries and timeouts, but records and skips all the same.
    """

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        state: int,
        lane: str = TRUNK,
        kind: Kind | KindName | None = None,
        inputs: Sequence[str] = (),
        **options: Unpack[TaskOptions],
    ) -> None:
        name = str(options.get("name") or getattr(fn, "__name__", type(fn).__name__))
        _check(fn, name, state, inputs, options)
        recipe = Recipe(
            function=fn,
            name=name,
            state=state,
            lane=lane,
            kind=None if kind is None else _kind(kind),
            inputs=tuple(inputs),
            version=options.get("version"),
        )
        wrapped = _recording(recipe)
        super().__init__(fn=wrapped, cache_policy=NO_CACHE, persist_result=False, **options)
        # Only now: Prefect copies the function's own attributes onto the task.
        self.recipe = recipe
        self._options = options

    def with_options(self, **options: Unpack[MilestoneOptions]) -> "Milestone[P, R]":  # type: ignore[override]
        """Give the same milestone with other options: another lane, more retries."""
        hooks = {name: list(getattr(self, f"{name}_hooks")) for name in _HOOKS}
        recipe = self.recipe
        own = {
            "state": recipe.state,
            "lane": recipe.lane,
            "kind": recipe.kind,
            "inputs": recipe.inputs,
        }
        return type(self)(recipe.function, **{**self._options, **hooks, **own, **options})  # type: ignore[arg-type]

    # Prefect's own overloads keep the types; these are what happens.
    if not TYPE_CHECKING:

        def __call__(
            self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any
        ) -> Any:
            """Call it, in a flow as a task run of its own."""
            if not return_state and FlowRunContext.get() is None and TaskRunContext.get() is None:
                return _plainly(self, args, kwargs)
            made = super().__call__(*args, return_state=return_state, wait_for=wait_for, **kwargs)
            if return_state:
                return made
            return _value_soon(made) if inspect.iscoroutine(made) else _value(made)

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            """Submit it; the open build waits for it at its end."""
            future = super().submit(*args, **kwargs)
            _expect([future])
            return future

        def map(self, *args: Any, **kwargs: Any) -> Any:
            """Submit it once for each item. Give each a lane of its own: `lane="{region}"`."""
            futures = super().map(*args, **kwargs)
            _expect(futures)
            return futures


def milestone(
    *,
    state: int,
    lane: str = TRUNK,
    kind: Kind | KindName | None = None,
    inputs: Sequence[str] = (),
    **options: Unpack[TaskOptions],
) -> Callable[[Callable[P, R]], Milestone[P, R]]:
    """Make a function one milestone of the open build, and a Prefect task.

    A rerun, on any worker, does not call a function whose milestone is done and unchanged. It
    returns what was recorded; a file or folder is downloaded when it is first needed.

    What the function returns decides: a `pathlib.Path` to a file or folder, or a dict of them by
    name, is uploaded; a `Handle` and data that JSON can say are recorded; `None` makes it a step,
    which has only changed its arguments' files in place. Paths arrive as private copies.

    Args:
        state: Where in the process, 0 to 100 inclusive.
        lane: The branch after the common trunk; `"{region}"` takes it from that parameter.
        kind: What it does. Default: seen from what it returns. Say `effect` for one that changes
            the world.
        inputs: Files and folders whose content decides "unchanged", relative to the working
            directory. A missing one is an error.
        options: As `prefect.task` takes them: `retries`, `tags`, `timeout_seconds`, ….

    Raises (when called):
        InvalidInput: No build is open, or what it returned cannot be recorded.
        Held: Another worker has it, and does not end.
        ArtifactUnreachable: It exists but cannot be read. The function is *not* run.
        ArtifactLost: What it needs is gone, and what made that was not called in this pass.
    """

    def decorate(fn: Callable[P, R]) -> Milestone[P, R]:
        return Milestone(fn, state=state, lane=lane, kind=kind, inputs=inputs, **options)

    return decorate


def _recording(recipe: Recipe) -> Callable[..., Any]:
    """Wrap a function, so that it records when Prefect's engine runs it, and only then."""
    function = recipe.function
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            if not _is_run_by_engine(run_async):
                return await function(*args, **kwargs)
            call = Call.of(recipe, get_call_parameters(function, args, kwargs))
            return (await perform_async(Pass.current(), call)).for_prefect()

        return run_async

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if not _is_run_by_engine(run):
            return function(*args, **kwargs)
        call = Call.of(recipe, get_call_parameters(function, args, kwargs))
        return perform(Pass.current(), call).for_prefect()

    return run


def _is_run_by_engine(wrapper: Callable[..., Any]) -> bool:
    context = TaskRunContext.get()
    return context is not None and context.task.fn is wrapper


def _plainly(task: Milestone[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call it without Prefect's engine."""
    call = Call.of(task.recipe, get_call_parameters(task.fn, args, kwargs))
    work = Pass.current()
    if not task.isasync:
        return perform(work, call).value

    async def run() -> Any:
        return (await perform_async(work, call)).value

    return run()


async def _value_soon(made: Coroutine[Any, Any, Any]) -> Any:
    return _value(await made)


def _value(made: Any) -> Any:
    """A direct call of a task that returned a state gets the state; ours wants what is in it."""
    return made.result(_sync=True) if isinstance(made, State) else made  # type: ignore[call-overload]


def _expect(futures: Sequence[Any]) -> None:
    work = Pass.current()
    for future in futures:
        if isinstance(future, PrefectFuture):
            work.expect(future)


def _kind(kind: str) -> Kind:
    try:
        return Kind(kind)
    except ValueError as error:
        raise InvalidInput(
            f"kind is {kind!r}; use one of {', '.join(Kind)}.", code="bad-kind", field="kind"
        ) from error


def _check(fn: object, name: str, state: object, inputs: object, options: TaskOptions) -> None:
    """Refuse what cannot work at the decoration, where it is written."""
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
    if isinstance(inputs, str):
        raise InvalidInput(
            f"The inputs of {name} are one string.", field="inputs", hint=f"Write [{inputs!r}]."
        )
    refused = _CACHING & options.keys()
    if refused:
        raise InvalidInput(
            f"{name} takes no {min(refused)}: the state service is the only cache.",
            code="no-caching",
            field=min(refused),
        )
