"""A naive judge of what a resumed build is and what it needs.

It knows everything at once: the pipeline as it is now, every try so far and the true condition of
every artifact. It rebuilds each image from nothing and compares; nothing of it is taken from the
rules of the project.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from buildstate_core.vocabulary import TRUNK, Kind

from .pipelines import Milestone, Pipeline, in_lane, lanes_of
from .world import Condition, Outcome, World

Key = tuple[str, int]


@dataclass(frozen=True)
class Rebuilt:
    """A machine before and after a milestone, if everything were done from nothing."""

    before: str
    after: str


def rebuilt(
    pipeline: Pipeline, nonces: Mapping[Key, str] = MappingProxyType({})
) -> Mapping[Key, Rebuilt]:
    """Rebuild everything from nothing.

    Args:
        pipeline: As it is now.
        nonces: What was made differently the last time, of checkpoints that are never made equal.
    """
    found: dict[Key, Rebuilt] = {}
    for view in views(pipeline):
        machine = ""
        for each in view:
            after = each.applied_to(machine, nonces.get(each.key, ""))
            found[each.key] = Rebuilt(machine, after)
            machine = after
    return found


def views(pipeline: Pipeline) -> list[Pipeline]:
    """Return what each image is made by, in order: the trunk, and then a lane."""
    trunk = in_lane(pipeline, TRUNK)
    return [trunk + in_lane(pipeline, lane) for lane in lanes_of(pipeline)] or [trunk]


def has_to_run(pipeline: Pipeline, world: World) -> set[Key]:
    """Return the milestones whose result is not there as it would be made now."""
    made = rebuilt(pipeline, world.nonces)
    return never_covered(pipeline) | {
        each.key
        for each in pipeline
        if _is_stale(each, world) or _is_on_another(each, made[each.key].before, world, surely=True)
    }


def never_covered(pipeline: Pipeline) -> set[Key]:
    """Return the steps that no checkpoint of any lane comes after: nothing is left of them."""
    steps = {each.key for each in pipeline if each.kind is Kind.STEP}
    for view in views(pipeline):
        last = max((at for at, each in enumerate(view) if each.kind is Kind.CHECKPOINT), default=0)
        steps -= {each.key for each in view[:last]}
    return steps


def may_run(pipeline: Pipeline, world: World, *, images_are_read: bool) -> set[Key]:
    """Give those, and what has to be done once more so that they can be.

    Something runs on a machine that is as the checkpoint before it left it, with the steps since
    done to it. So these steps are needed, and the checkpoint, if it is corrupt.

    Args:
        images_are_read: Whether the last image of each lane is pulled at the end.
    """
    made = rebuilt(pipeline, world.nonces)
    own = has_to_run(pipeline, world)
    own |= {e.key for e in pipeline if _is_on_another(e, made[e.key].before, world, surely=False)}
    found: set[Key] = set()
    for view in views(pipeline):
        found |= set(_wanted(view, world, own, images_are_read=images_are_read))
    return found


def _is_on_another(milestone: Milestone, machine: str, world: World, *, surely: bool) -> bool:
    """Whether a machine is not as the one that a milestone was last done to."""
    last = world.newest(milestone)
    if last is None:
        return True
    then, now = last.milestone, milestone
    if surely:
        return then.taken_from(last.before) != now.taken_from(machine)
    return then.stands_on(last.before) != now.stands_on(machine)


def _is_stale(milestone: Milestone, world: World) -> bool:
    last = world.newest(milestone)
    if last is None or last.outcome is not Outcome.COMPLETED or last.is_forced:
        return True
    if last.milestone.ingredients != milestone.ingredients:
        return True
    match milestone.kind:
        case Kind.CHECKPOINT:
            is_known_corrupt = last.condition is Condition.CORRUPT and last.is_found_out
            is_there = last.condition in {Condition.FINE, Condition.CORRUPT}
            return is_known_corrupt or not is_there
        case Kind.EFFECT:
            return milestone.key not in world.published
        case _:
            return False


def _wanted(view: Pipeline, world: World, own: set[Key], *, images_are_read: bool) -> Iterator[Key]:
    """Go down what an image is made by, with what is wanted from below in mind."""
    wants_image = images_are_read
    wants_steps = False
    for each in reversed(view):
        if each.kind is Kind.CHECKPOINT:
            runs = each.key in own or (wants_image and _is_corrupt(each, world))
            wants_steps, wants_image = runs, runs and not each.is_made_from_scratch
        else:
            runs = each.key in own or (wants_steps and each.kind is Kind.STEP)
            wants_steps, wants_image = wants_steps or runs, wants_image or runs
        if runs:
            yield each.key


def _is_corrupt(milestone: Milestone, world: World) -> bool:
    last = world.newest(milestone)
    return last is not None and last.condition is Condition.CORRUPT
