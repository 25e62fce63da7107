"""docs/how-to/retention.md, from its first line to its last."""

from pathlib import Path

import pytest

from .snippets import Shell, run_all


def test_what_is_given_up_goes_and_the_rest_stays(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], tmp_path: Path
) -> None:
    run_all("docs/how-to/retention.md", shell, monkeypatch, environ)
    assert "1 artifact (5 B) would be given up. 1 artifact would be removed, 5 B" in shell.said
    assert "There is nothing to give up, and nothing to remove." in shell.said
    assert "1 artifact (5 B) given up. 1 artifact removed, 5 B freed." in shell.said
    assert "refused: exit code 2" in shell.said
    kept = {path.name for path in tmp_path.glob("storage/**/*") if path.is_file()}
    assert kept == {"hardened.img"}
    assert len(list(tmp_path.glob("vault/keys/**/key.img"))) == 1
