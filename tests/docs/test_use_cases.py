"""The use cases of the documentation, from their first line to their last."""

from pathlib import Path

import pytest

from .snippets import ROOT, Shell, run_all


@pytest.fixture(autouse=True)
def _checkout(tmp_path: Path) -> None:
    """A reader stands in a checkout."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")


def test_three_servers_hand_a_build_on(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], tmp_path: Path
) -> None:
    run_all("docs/how-to/three-servers.md", shell, monkeypatch, environ)
    published = (tmp_path / "server-c" / "published.img").read_text()
    assert published == "base, made on server-a\nhardened\nmonitoring\napp\n"
    assert "server A gives up" in shell.said
    assert "server B is gone" in shell.said
    assert "stopped answering" in shell.said


@pytest.mark.usefixtures("_own_prefect")
def test_six_regions_are_published_from_one_trunk(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], tmp_path: Path
) -> None:
    run_all("docs/how-to/six-regions.md", shell, monkeypatch, environ)
    assert "one region failed" in shell.said
    assert "5/6 lanes at 100, slowest eu-west-3 at 40" in shell.said
    assert "6/6 lanes at 100" in shell.said
    for region in ("eu-central-1", "eu-west-3"):
        assert len(list((tmp_path / "cloud" / region).iterdir())) == 1


def test_two_clouds_are_built_from_one_common_base(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    run_all("docs/how-to/common-base.md", shell, monkeypatch, environ)
    assert "derives from #1 at state 40" in shell.said
    assert "in builds #1, #2 and #3 are not used again" in shell.said
    assert "revoked" in shell.said
