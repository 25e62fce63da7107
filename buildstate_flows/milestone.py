"""The decorator: a Prefect task that records, and is skipped when it is done."""

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.futures import PrefectFuture
from prefect.utilities.callables import get_call_parameters
from typing_extensions import Unpack

from buildstate_core.errors import InvalidInput
from buildstate_core.vocabulary import Compression, Kind, Sensitivity
from buildstate_flows.engine.arguments import Form, replaced
from buildstate_flows.engine.execute import fetch, perform, perform_async
from buildstate_flows.engine.milestone_call import MilestoneCall, MilestoneSpec
from buildstate_flows.engine.session import BuildSession
from buildstate_flows.engine.worker_process import Ticket, entered
from buildstate_flows.options import (
    HOOKS,
    CodeName,
    CompressionName,
    KindName,
    MilestoneOptions,
    SensitivityName,
    TaskOptions,
    check,
    check_reads,
    kind_of,
    no_task_worker,
    storage_options_of,
)
from buildstate_flows.prefect_api.prefect_runs import namer_of, tag_run, task_run_here

P = ParamSpec("P")
R = TypeVar("R")
Probe = TypeVar("Probe", bound=Callable[..., Any])


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
        lane: str | None = None,
        kind: Kind | KindName | None = None,
        inputs: Sequence[str] = (),
        code: CodeName = "own",
        ignore: Sequence[str] = (),
        discover: bool = True,
        ignore_reads: Sequence[str] = (),
        storage: str | None = None,
        compression: Compression | CompressionName | None = None,
        sensitivity: Sensitivity | SensitivityName = Sensitivity.INTERNAL,
        **options: Unpack[TaskOptions],
    ) -> None:
        name = str(options.get("name") or getattr(fn, "__name__", type(fn).__name__))
        check(fn, name, options, state=state, lane=lane, inputs=inputs, code=code, ignore=ignore)
        check_reads(name, discover=discover, ignore_reads=ignore_reads)
        spec = MilestoneSpec(
            function=fn,
            name=name,
            state=state,
            lane=lane,
            kind=None if kind is None else kind_of(kind),
            inputs=tuple(inputs),
            version=options.get("version"),
            code=code,
            ignore=tuple(ignore),
            discover=discover,
            ignore_reads=tuple(ignore_reads),
            storage_options=storage_options_of(
                name, storage=storage, compression=compression, sensitivity=sensitivity
            ),
        )
        named: TaskOptions = {**options, "name": name}
        if named.get("task_run_name") is None:
            named["task_run_name"] = namer_of(state, name, spec.lane_of)
        super().__init__(fn=_recording(fn), cache_policy=NO_CACHE, persist_result=False, **named)
        # Only now: Prefect copies the function's own attributes onto the task.
        self.spec = spec
        self._options = options
        self._session: BuildSession | None = None
        self._ticket: Ticket | None = None

    def with_options(self, **options: Unpack[MilestoneOptions]) -> "Milestone[P, R]":  # type: ignore[override]
        """Return the same milestone with other options: another lane, more retries."""
        made = type(self)(self.spec.function, **{**self._all_options(), **options})
        made.spec = replace(made.spec, probe=self.spec.probe)
        return made

    def probe(self, function: Probe) -> Probe:
        """Return how to see that what this milestone did to the world still holds.

        Before the milestone is skipped, the function gets what it returned, and answers. `False`:
        it is gone, so that the milestone runs again. An exception means that nobody can tell: it
        goes on to the caller, and nothing is run. A step that returned nothing gives `None`.

            @register.probe
            def is_registered(ami: Handle) -> bool: ...
        """
        if not callable(function):
            raise InvalidInput(f"The probe of {self.name} is no function.", field="probe")
        self.spec = replace(self.spec, probe=function)
        return function

    def __copy__(self) -> "Milestone[P, R]":
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        ticket = self._ticket if self._session is None else Ticket.of(self._session)
        options = {**self._all_options(), "tags": self.tags}
        return _arrived, (type(self), self.spec, options, ticket)

    def _all_options(self) -> dict[str, Any]:
        spec = self.spec
        return {
            **self._options,
            **{name: list(getattr(self, f"{name}_hooks")) for name in HOOKS},
            "state": spec.state,
            "lane": spec.lane,
            "kind": spec.kind,
            "inputs": spec.inputs,
            "code": spec.code,
            "ignore": spec.ignore,
            "discover": spec.discover,
            "ignore_reads": spec.ignore_reads,
            **asdict(spec.storage_options),
        }

    def _in(self, session: BuildSession) -> "Milestone[P, R]":
        """Return a copy that can go to another process, and opens the session there."""
        made = self.__copy__()
        made._session = session  # noqa: SLF001 - its own
        return made

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
            session = BuildSession.current()
            future = Task.submit(self._in(session), *args, **kwargs)
            _expect(session, [future])
            return future

        def map(self, *args: Any, **kwargs: Any) -> Any:
            """Submit it once for each item. Give each a lane of its own: `lane="{region}"`."""
            session = BuildSession.current()
            futures = Task.map(self._in(session), *args, **kwargs)
            _expect(session, futures)
            return futures

        def delay(self, *_args: Any, **_kwargs: Any) -> Any:
            """Refuse: it would run where no build is open, after this one has been closed."""
            raise no_task_worker(self.name)

        apply_async = delay
        serve = delay


def milestone(
    *,
    state: int,
    lane: str | None = None,
    kind: Kind | KindName | None = None,
    inputs: Sequence[str] = (),
    code: CodeName = "own",
    ignore: Sequence[str] = (),
    discover: bool = True,
    ignore_reads: Sequence[str] = (),
    storage: str | None = None,
    compression: Compression | CompressionName | None = None,
    sensitivity: Sensitivity | SensitivityName = Sensitivity.INTERNAL,
    **options: Unpack[TaskOptions],
) -> Callable[[Callable[P, R]], Milestone[P, R]]:
    """Make a function one milestone of the open build, and a Prefect task.

    A rerun, on any worker, does not call a function whose milestone is done and unchanged. It
    returns what was recorded; a file or folder is downloaded when it is first needed.

    What the function returns decides: a `pathlib.Path` to a file or folder, or a dict of them by
    name, is uploaded; a `Handle` and data that JSON can say are recorded; `None` makes it a step,
    which has only changed its arguments' files in place.

    What other milestones returned arrives as the function says: a `pathlib.Path` to a private copy
    by default, a string for `str`, and not downloaded for `Artifact`; in containers, dataclasses
    and models, too. In ordinary objects and closures it stays an `Artifact`.

    One that takes none of them stands on the checkpoint before it, as with `bldst run`.

    All other arguments count by their values, told apart by their types: what JSON can say,
    containers, dates, paths, enums, dataclasses, models, the project's own objects. A secret does
    not count. The digest of an argument is taken at the call, before the function can change it.

    Args:
        state: Where in the process, 0 to 100 inclusive.
        lane: The branch after the common trunk; `"{region}"` takes it from that parameter. One that
            comes out empty is refused. Default: the trunk.
        kind: What it does. Default: seen from what it returns. Say `effect` for one that changes
            the world.
        inputs: Files and folders whose content decides "unchanged", relative to the working
            directory. A missing one is an error.
        code: `ignore`: a change of the function's code is none. A `version` stands for it.
        ignore: Parameters that do not count: `["client", "log"]`. A class can also have a method
            `__bldst_fingerprint__(self)`, which returns what stands for its objects.
        discover: `False`: what the function is seen to read without having declared it does not
            count. Seen are files, listings and what was asked for and is not there, in the project
            (the nearest folder with a `.git` or `pyproject.toml`, else the working directory), but
            for what git ignores; and the content of what `Path` arguments name.
        ignore_reads: Globs of what does not count of that, relative to the project:
            `["cache/*"]`. `*` takes slashes, too.
        storage: Where the files that it returns are put: a folder or a template, as a project's
            `storage_url`. Default: the project's.
        compression: How they are stored: `none`, `zstd`, or `auto`, as a quick look says. Default:
            what the project says.
        sensitivity: Who may see them: `public`, `internal` or `secret`. A project says where each
            may be stored. None of these three decides "unchanged".
        options: As `prefect.task` takes them: `retries`, `tags`, `timeout_seconds`, ….

    Raises (when called):
        InvalidInput: No build is open; or an argument has no digest, so that nobody could tell
            whether it has changed; or what it returns cannot be recorded, or not be stored there.
            As far as that can be known before, the function is *not* run.
        Held: Another worker has it, and does not end.
        ArtifactUnreachable: It exists but cannot be read. The function is *not* run.
        ArtifactLost: What it needs is gone, and what made that was not called in this pass.
    """

    def decorate(fn: Callable[P, R]) -> Milestone[P, R]:
        return Milestone(
            fn,
            state=state,
            lane=lane,
            kind=kind,
            inputs=inputs,
            code=code,
            ignore=ignore,
            discover=discover,
            ignore_reads=ignore_reads,
            storage=storage,
            compression=compression,
            sensitivity=sensitivity,
            **options,
        )

    return decorate


def _arrived(
    cls: type[Milestone[..., Any]],
    spec: MilestoneSpec,
    options: dict[str, Any],
    ticket: Ticket | None,
) -> Milestone[..., Any]:
    """Return a milestone that came from another process."""
    made = cls(spec.function, **options)
    made.spec = spec
    made._ticket = ticket
    return made


def _recording(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function, so that it records when Prefect's engine runs it, and only then."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            task = _run_by_engine(run_async)
            if task is None:
                return await function(*args, **kwargs)
            with entered(_session_of(task)) as session:
                call = _call(session, task, get_call_parameters(function, args, kwargs))
                return (await perform_async(session, call)).for_prefect()

        return run_async

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        task = _run_by_engine(run)
        if task is None:
            return function(*args, **kwargs)
        with entered(_session_of(task)) as session:
            call = _call(session, task, get_call_parameters(function, args, kwargs))
            return perform(session, call).for_prefect()

    return run


def _run_by_engine(wrapper: Callable[..., Any]) -> "Milestone[..., Any] | None":
    context = TaskRunContext.get()
    if context is None or context.task.fn is not wrapper:
        return None
    assert isinstance(context.task, Milestone)  # noqa: S101 - nothing else wraps so
    return context.task


def _session_of(task: Milestone[..., Any]) -> BuildSession:
    """Return the session that a call belongs to; in another process it is opened first."""
    ticket = task._ticket  # noqa: SLF001 - its own
    return BuildSession.current() if ticket is None else ticket.open(fetch)


def _call(
    session: BuildSession, task: Milestone[..., Any], parameters: Mapping[str, Any]
) -> MilestoneCall:
    def bound(value: Any, _: Form) -> Any:
        return session.results.bound(value)

    def make() -> MilestoneCall:
        known = {name: replaced(value, bound) for name, value in parameters.items()}
        return MilestoneCall.of(task.spec, known)

    call = session.call_of(task_run_here(), make)
    tag_run(task.spec.state, call.lane, session.build.number)
    return call


def _plainly(task: Milestone[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call it without Prefect's engine."""
    session = BuildSession.current()
    call = MilestoneCall.of(task.spec, get_call_parameters(task.fn, args, kwargs))
    if not task.isasync:
        return perform(session, call).value

    async def run() -> Any:
        return (await perform_async(session, call)).value

    return run()


async def _value_soon(made: Coroutine[Any, Any, Any]) -> Any:
    return _value(await made)


def _value(made: Any) -> Any:
    """A direct call of a task that returned a state gets the state; ours wants what is in it."""
    return made.result(_sync=True) if isinstance(made, State) else made  # type: ignore[call-overload]


def _expect(session: BuildSession, futures: Any) -> None:
    for future in futures:
        if isinstance(future, PrefectFuture):
            session.expect(future)
