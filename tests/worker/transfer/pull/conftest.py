"""What was pushed before it is pulled."""

from pathlib import Path
from typing import Any

import pytest

from buildstate_worker.transfer import ArtifactStore, Pushed

from .pulls import IMAGE


@pytest.fixture
def pushed(store: ArtifactStore, folder: Any, tmp_path: Path) -> Pushed:
    source = tmp_path / "source.raw"
    source.write_bytes(IMAGE)
    return store.push(source, folder.uri("image.raw"))


@pytest.fixture
def pushed_folder(store: ArtifactStore, folder: Any, tmp_path: Path) -> Pushed:
    source = tmp_path / "source"
    (source / "inside").mkdir(parents=True)
    (source / "inside" / "image.raw").write_bytes(IMAGE)
    return store.push(source, folder.uri("out.tar"))
