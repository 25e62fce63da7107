"""What known tools read without being told: seen when it changes, comes up, or goes."""

import shlex
from collections.abc import Callable

import pytest

from buildstate_worker.inputs.words.presets import PRESETS, implicit
from buildstate_worker.inputs.words.script import SimpleCommand

from ..checkouts import Folder

MakeFolder = Callable[..., Folder]

READ = [
    ("make", "Makefile"),
    ("make", "GNUmakefile"),
    ("make all", "rules.mk"),
    ("gmake -C sub", "sub/Makefile"),
    ("make --directory=sub", "sub/makefile"),
    ("make -Csub", "sub/rules.mk"),
    ("docker build", "Dockerfile"),
    ("docker buildx build", ".dockerignore"),
    ("docker buildx bake", "docker-bake.hcl"),
    ("podman build", "Containerfile"),
    ("buildah bud", "Containerfile"),
    ("docker compose up", "compose.yaml"),
    ("docker compose up", "docker-compose.override.yml"),
    ("docker-compose up", ".env"),
    ("ansible-playbook site.yml", "ansible.cfg"),
    ("ansible-playbook site.yml", "inventory.ini"),
    ("ansible-playbook site.yml", "roles/web/tasks/main.yml"),
    ("ansible-playbook plays/site.yml", "plays/roles/web/templates/.profile"),
    ("ansible-playbook plays/site.yml", "plays/templates/motd.j2"),
    ("ansible-playbook plays/site.yml", "plays/files/motd"),
    ("ansible-playbook -i live/hosts site.yml", "live/group_vars/all.yml"),
    ("ansible-playbook --inventory=live/hosts site.yml", "live/host_vars/a.yml"),
    ("ansible-playbook site.yml", "filter_plugins/own.py"),
    ("ansible all -m ping", "group_vars/all/a.yml"),
    ("packer build base.pkr.hcl", "size.auto.pkrvars.hcl"),
    ("packer build images/base.pkr.hcl", "images/more.pkr.hcl"),
    ("packer validate base.pkr.hcl", "size.auto.pkrvars.json"),
    ("terraform apply", "main.tf"),
    ("tofu apply", "terraform.tfvars"),
    ("terraform -chdir=infra apply", "infra/size.auto.tfvars.json"),
    ("terraform apply", ".terraform.lock.hcl"),
    ("vagrant up", "Vagrantfile"),
    ("sudo -u build make", "Makefile"),
    ("sh -c 'cd sub && make'", "sub/Makefile"),
]


@pytest.mark.parametrize(("command", "name"), READ)
def test_what_a_tool_reads_without_being_told_is_seen(
    folder: Folder, command: str, name: str
) -> None:
    folder.write("sub/x")
    folder.write("infra/x.txt")
    words = shlex.split(command)
    without = folder.look(*words).parts
    folder.write(name)
    with_it = folder.look(*words).parts
    folder.write(name, "2")
    changed = folder.look(*words).parts
    assert without.keys() <= with_it.keys()
    assert any(without[part] != with_it[part] for part in without)
    assert any(changed[part] != with_it[part] for part in with_it)


@pytest.mark.parametrize(
    "command",
    ["make", "terraform", "vagrant", "packer", "docker", "docker-compose", "ansible", "buildah"],
)
def test_a_tool_may_be_called_without_any_word(folder: Folder, command: str) -> None:
    assert folder.look(command).absent == ()


@pytest.mark.parametrize("command", ["docker pull x", "packer version", "echo make", "mymake"])
def test_what_does_not_read_them_is_left_alone(command: str) -> None:
    assert list(implicit(SimpleCommand(command.split()))) == []


def test_a_file_that_is_declared_later_is_the_same(folder: Folder) -> None:
    folder.write("Makefile")
    (found,) = (each for each in folder.look("make").sources if each[0].name == "Makefile")
    declared = folder.look("make", inputs=["Makefile"]).parts
    assert declared["input:Makefile"] == folder.look("make").parts["found:Makefile"]
    assert found[0].tool == "make"


def test_a_folder_that_is_declared_later_is_the_same(folder: Folder) -> None:
    folder.write("roles/web/main.yml")
    found = folder.look("ansible-playbook", "x.yml").parts
    declared = folder.look("ansible-playbook", "x.yml", inputs=["roles"]).parts
    assert found["found:roles"] == declared["input:roles"]


def test_what_git_ignores_in_a_folder_that_a_tool_reads_does_not_count(
    make_folder: MakeFolder,
) -> None:
    folder = make_folder(is_git=True)
    folder.write(".gitignore", "*.retry\n.env\n")
    folder.write("roles/web/main.yml")
    before = folder.look("ansible-playbook", "x.yml").parts
    folder.write("roles/web/x.retry")
    assert folder.look("ansible-playbook", "x.yml").parts == before


def test_a_file_that_git_ignores_and_a_tool_reads_counts(make_folder: MakeFolder) -> None:
    folder = make_folder(is_git=True)
    folder.write(".gitignore", ".env\n")
    before = folder.look("docker-compose", "up").parts
    folder.write(".env")
    assert folder.look("docker-compose", "up").parts != before


def test_each_preset_is_tested() -> None:
    tested = {each for command, _ in READ for each in command.split()}
    assert PRESETS.keys() <= tested
