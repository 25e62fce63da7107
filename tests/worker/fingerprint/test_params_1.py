"""Which changes of parameters count, and which do not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from buildstate_worker.fingerprint.params_1 import param_parts_1


class TestParams:
    def test_a_value_is_kept_as_a_digest_only(self) -> None:
        parts = param_parts_1({"token": "s3cret"})
        assert set(parts) == {"param:token"}
        assert "s3cret" not in parts["param:token"]
        assert len(parts["param:token"]) == 64

    @pytest.mark.parametrize(
        ("one", "other"),
        [({"a": 1, "b": 2}, {"b": 2, "a": 1}), ([1, 2], (1, 2)), ("ü", "\u00fc")],
    )
    def test_equal_values_are_equal(self, one: object, other: object) -> None:
        assert param_parts_1({"x": one}) == param_parts_1({"x": other})

    @pytest.mark.parametrize(
        ("one", "other"), [(1, "1"), (1, True), (None, ""), ([1, 2], [2, 1]), (1, 1.5)]
    )
    def test_different_values_differ(self, one: object, other: object) -> None:
        assert param_parts_1({"x": one}) != param_parts_1({"x": other})

    def test_what_json_cannot_say_is_left_out(self) -> None:
        circular: list[object] = []
        circular.append(circular)
        deep: list[object] = []
        for _ in range(100_000):
            deep = [deep]
        odd = [object(), {1, 2}, b"x", float("nan"), circular, deep, "\ud800", {("a",): 1}]
        # Escaped as JSON, half a surrogate pair is text like any other.
        assert set(param_parts_1(dict(zip("abcdefgh", odd, strict=True)))) <= {"param:g"}
        assert set(param_parts_1({"x": 1, "y": object()})) == {"param:x"}


class Level(Enum):
    LOW = 1
    HIGH = 2


class Size(BaseModel):
    gigabytes: int
    level: Level = Level.LOW


class Login(BaseModel):
    user: str
    password: SecretStr


@dataclass(frozen=True)
class Disk:
    path: PurePosixPath
    size: Size
    made_at: datetime


NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class TestTypedParams:
    def test_what_has_one_form_in_json_has_a_stable_digest(self) -> None:
        disk = Disk(PurePosixPath("a.raw"), Size(gigabytes=8), NOON)
        said = {
            "path": "a.raw",
            "size": {"gigabytes": 8, "level": 1},
            "made_at": "2026-11-25T12:00:00Z",
        }
        assert param_parts_1({"x": disk}) == param_parts_1({"x": said})
        assert param_parts_1({"x": [UUID(int=1), Decimal("1.50"), timedelta(minutes=1)]}) == (
            param_parts_1({"x": [str(UUID(int=1)), "1.50", "PT1M"]})
        )

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            pytest.param(Size(gigabytes=8), Size(gigabytes=9), id="model"),
            pytest.param(Level.LOW, Level.HIGH, id="enum"),
            pytest.param(
                Disk(PurePosixPath("a"), Size(gigabytes=8), NOON),
                Disk(PurePosixPath("b"), Size(gigabytes=8), NOON),
                id="dataclass",
            ),
            pytest.param(NOON, NOON + timedelta(seconds=1), id="time"),
        ],
    )
    def test_another_value_has_another_digest(self, one: object, other: object) -> None:
        assert param_parts_1({"x": one})["param:x"] != param_parts_1({"x": other})["param:x"]

    @pytest.mark.parametrize(
        "secret", [SecretStr("a"), SecretBytes(b"a"), Secret[int](1)], ids=["str", "bytes", "int"]
    )
    def test_a_secret_is_left_out(self, secret: object) -> None:
        assert param_parts_1({"x": secret}) == {}

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(lambda word: {"user": "a", "password": word}, id="in a dict"),
            pytest.param(lambda word: ["a", [word]], id="in lists"),
            pytest.param(lambda word: Login(user="a", password=word), id="in a model"),
            pytest.param(lambda word: [{"x": Login(user="a", password=word)}], id="in both"),
        ],
    )
    def test_a_secret_inside_does_not_count_and_what_is_around_it_does(
        self, make: Callable[[SecretStr], Any]
    ) -> None:
        parts = param_parts_1({"x": make(SecretStr("one"))})
        assert set(parts) == {"param:x"}
        assert parts == param_parts_1({"x": make(SecretStr("another"))})
        assert parts != param_parts_1({"x": [make(SecretStr("one"))]})
        assert parts["param:x"] != param_parts_1({"x": Login(user="b", password="one")})["param:x"]


class TestFrozen:
    @pytest.mark.parametrize(
        ("value", "digest"),
        [
            pytest.param(
                "9.6", "7c0a052b488dc40df0aa0d234c724ae90153b1f816091fbcae3d05d1cfb764c8", id="text"
            ),
            pytest.param(
                {"a": [1, (None, True, 1.5)]},
                "dad1e2492ed0c40992f69c4a190942ebbada0456a5bd4ea1dfe6184b371e7940",
                id="containers",
            ),
            pytest.param(
                Disk(PurePosixPath("a.raw"), Size(gigabytes=8), NOON),
                "e57ab19580903fd02b1ecc560baa523ccb28701f37da6e2dcb1e20b0abb804b3",
                id="dataclass",
            ),
            pytest.param(
                [UUID(int=1), Decimal("1.50"), Level.LOW],
                "36e15ea3bf78eac7072077f9ca91e6dfe0b790363637ff1083afb05313d95dbf",
                id="plain",
            ),
            pytest.param(
                Login(user="a", password=SecretStr("b")),
                "1d11d6c7e7a4e17757b8debb6e28c4996958ff14aa79e858a9c94ad636d301fc",
                id="secret inside",
            ),
        ],
    )
    def test_digests_are_what_the_last_release_recorded(self, value: object, digest: str) -> None:
        assert param_parts_1({"x": value}) == {"param:x": digest}
