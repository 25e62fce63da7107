"""Packages and their versions."""

import functools

import settings


def labelled(label):
    """Return a decorator that puts a label in front."""

    def decorate(function):
        @functools.wraps(function)
        def wrapper(name):
            return f"{label}:{function(name)}"

        return wrapper

    return decorate


def release_of(name):
    """Return the release of a package."""
    return settings.RELEASES[name]


suffix = functools.partial("-{}".format, "el9")
clean = lambda name: name.strip().lower()  # noqa: E731


@labelled("rpm")
def versioned(name):
    """Return a package with its version."""
    return f"{clean(name)}-{release_of(name)}{suffix()}"


def unused(name):
    """Return what nobody asks for."""
    return name * 2
