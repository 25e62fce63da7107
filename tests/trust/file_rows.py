"""What a function reads."""

from typing import Final

from .rows import UNSEEN, Row, Seen


def _reads(
    what: str, body: str, says: str, *, options: str = "", seen: Seen = Seen.BY_ITSELF
) -> Row:
    return Row(
        what,
        f"""
import os
import subprocess
import threading


@milestone(state=25{options})
def make() -> Path:
    {body}
""",
        files={"conf/sshd": "root=@@\n", "conf/list-@@": "", "only-@@/x": "", "play.yml": "@@\n"},
        says=says,
        seen=seen,
    )


FILES: Final = (
    _reads(
        "a file that it opens",
        'return image(Path("conf/sshd").read_text())',
        "discovered_changed:conf/sshd",
    ),
    _reads(
        "a file that a thread of it opens",
        'path, found = Path("conf/sshd"), []\n'
        "    thread = threading.Thread(target=lambda: found.append(path.read_text()))\n"
        "    thread.start()\n"
        "    thread.join()\n"
        "    return image(found)",
        "discovered_changed:conf/sshd",
    ),
    _reads(
        "the names in a folder that it lists",
        'return image(sorted(os.listdir("conf")))',
        "discovered_changed:conf",
    ),
    _reads(
        "a file that it tries to open and that is not there",
        "try:\n"
        '        content = Path("only-2/x").read_text() or "there"\n'
        "    except FileNotFoundError:\n"
        '        content = "absent"\n'
        "    return image(content)",
        "discovered_changed:only-2/x",
    ),
    _reads(
        "a file that it is seen to read, with `discover=False`",
        'return image(Path("conf/sshd").read_text())',
        UNSEEN,
        options=", discover=False",
        seen=Seen.NEVER,
    ),
    _reads(
        "a file that `ignore_reads` names",
        'return image(Path("conf/sshd").read_text())',
        UNSEEN,
        options=', ignore_reads=["conf/*"]',
        seen=Seen.NEVER,
    ),
    _reads(
        "a file that a command of it is told to read",
        'return image(subprocess.check_output(["cat", "conf/sshd"]).decode())',
        "discovered_changed:conf/sshd",
    ),
    _reads(
        "a file that a command of it reads by itself",
        'return image(subprocess.check_output("cd conf; cat *", shell=True).decode())',
        UNSEEN,
        seen=Seen.NEVER,
    ),
    _reads(
        "a file that a command of it reads, with `inputs`",
        'return image(subprocess.check_output(["cat", "play.yml"]).decode())',
        "input_changed:play.yml",
        options=', inputs=["play.yml"]',
        seen=Seen.DECLARED,
    ),
    _reads(
        "whether a file exists",
        'return image(Path("only-2/x").exists())',
        UNSEEN,
        seen=Seen.NEVER,
    ),
    Row(
        "a file whose path it is called with",
        """
        @milestone(state=25)
        def make(play: Path) -> Path:
            return image(play.read_text())

        def main():
            make(Path("play.yml"))
        """,
        files={"play.yml": "@@\n"},
        says="discovered_changed:play.yml",
    ),
)
