"""What stands around the commands: completion in shells, pre-commit's hooks, pipelines, the container, the pages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sheetml.cli import COMMANDS
from tests.browser import missing
from tests.reference import PROJECT

BOOKS = PROJECT / "workbooks"
PIPELINES = (PROJECT / "docs" / "pipelines.md").read_text()


@pytest.fixture
def shell(tmp_path):
    """Runs a line of bash in a folder with the shipped workbooks; `sheetml` and `python` are those of this code."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, start in (("sheetml", f'"{sys.executable}" -m sheetml'), ("python", f'"{sys.executable}"')):
        (programs / name).write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        (programs / name).chmod(0o755)
    work = tmp_path / "work"
    shutil.copytree(BOOKS, work / "workbooks")
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    python_path = os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])

    def run(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": path, "PYTHONPATH": python_path, **variables}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line], cwd=work, env=environment, capture_output=True, text=True
        )

    run.folder = work  # type: ignore[attr-defined]
    return run


# ---- completion --------------------------------------------------------------------------------


def completed(line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    variables = {"_SHEETML_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **variables}
    code = "from sheetml.cli import main; main()"
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return found.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sheetml ex", {"plain,explain", "plain,export", "plain,export-code", "plain,export-model"}),
        ("sheetml new ", {"plain,collab-filter", "plain,graddesc", "plain,solver-gallery"}),
        ("sheetml run --max-", {"plain,--max-time", "plain,--max-iterations"}),
        ("sheetml run book.xlsx --engine g", {"plain,grg", "plain,global"}),
        ("sheetml check bo", {"file,bo"}),
    ],
)
def test_bash_is_offered_commands_options_choices_and_files(line, offered):
    assert set(completed(line)) == offered


def test_every_command_is_offered():
    assert {word.removeprefix("plain,") for word in completed("sheetml ")} == set(COMMANDS)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_each_shell_on_the_page_is_given_a_script(shell, name):
    (line,) = re.findall(rf"_SHEETML_COMPLETE={name}_source sheetml(?=\)|[ \\|]*source)", PIPELINES)
    script = shell(line.split(" ")[1], _SHEETML_COMPLETE=f"{name}_source").stdout
    assert "_SHEETML_COMPLETE" in script and "complet" in script
    program = shutil.which(name)
    if program is not None:
        assert subprocess.run([program, "-n"], input=script, text=True, check=False).returncode == 0


# ---- several workbooks, pre-commit, pipelines ------------------------------------------------------


def test_a_command_is_run_for_each_of_several_workbooks_and_the_worst_end_counts(shell):
    (shell.folder / "wrong.xlsx").write_text("no workbook")
    shutil.copy(shell.folder / "workbooks" / "collab_filter.xlsx", shell.folder / "a copy.xlsx")
    both = shell("python -m sheetml.cli.each check --show 1 workbooks/collab_filter.xlsx 'a copy.xlsx'")
    assert both.returncode == 0 and both.stdout.count("comparable cells are equal") == 2
    worst = shell("python -m sheetml.cli.each check --quiet wrong.xlsx workbooks/collab_filter.xlsx")
    assert worst.returncode == 2 and "wrong.xlsx is not a workbook" in worst.stderr
    assert shell("python -m sheetml.cli.each").returncode == 2


def test_pre_commit_takes_the_hooks_and_they_run(shell):
    try:
        from pre_commit.clientlib import load_manifest
    except ImportError:
        missing("pre-commit is absent: pip install sheetml[dev]")
    hooks = load_manifest(str(PROJECT / ".pre-commit-hooks.yaml"))
    assert {hook["id"] for hook in hooks} == set(re.findall(r"- id: (sheetml-\w+)", PIPELINES))
    for hook in hooks:
        taken = [name for name in ("a.xlsx", "b/c d.xlsm", "~$a.xlsx", "x.csv") if re.search(hook["files"], name)]
        assert taken == ["a.xlsx", "b/c d.xlsm"]
        ended = shell(f"{hook['entry']} workbooks/collab_filter.xlsx")
        assert ended.returncode in (0, 1) and not ended.stderr


def test_the_pipeline_on_the_page_runs_its_commands(shell):
    yaml = pytest.importorskip("yaml")
    (page,) = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(name:.*?)```", PIPELINES, re.DOTALL)]
    steps = page["jobs"]["workbooks"]["steps"]
    lines = [step["run"] for step in steps if "sheetml " in step.get("run", "") and "pip" not in step["run"]]
    assert len(lines) == 2
    for line in lines:
        ended = shell(line.replace("project/", ""))
        assert ended.returncode == 0, ended.stderr
    assert (shell.folder / "audit.sarif").exists()


# ---- the container -----------------------------------------------------------------------------


def test_the_container_runs_as_an_ordinary_user_and_copies_what_it_installs():
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    instructions = [line.split(" ", 1) for line in lines if line and line[0].isupper()]
    last_user = [rest for word, rest in instructions if word == "USER"][-1]
    assert last_user not in ("root", "0")
    sources = [rest.split(" ")[:-1] for word, rest in instructions if word == "COPY" and "--from" not in rest]
    kept = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source for each in sources for source in each} == kept
    assert all((PROJECT / name).exists() for name in kept)


# ---- pages -------------------------------------------------------------------------------------


def test_the_last_part_of_the_tutorial_runs_as_printed(shell):
    page = (PROJECT / "docs" / "tutorial" / "7-ratings.md").read_text()
    blocks = re.findall(r"^```(python|sh)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [language for language, _ in blocks] == ["python", "sh", "python", "python", "sh"]
    made = blocks[0][1]
    for language, block in blocks:
        if language == "sh":
            (shell.folder / "made.py").write_text(made)
            ended = shell(f"python made.py && {block}")
            assert ended.returncode == 0, ended.stderr
    assert (Path(shell.folder) / "book.xlsx").exists() and (Path(shell.folder) / "fit.html").exists()


def test_the_readmes_first_commands_run_as_printed(shell):
    readme = (PROJECT / "README.md").read_text()
    (run,) = re.findall(r"<!-- run -->\n```sh\n.*?(python -m sheetml [^\n]*)\n```", readme)
    (look,) = re.findall(r"<!-- look -->\n```sh\n(.*?)```", readme, re.DOTALL)
    ended = shell(f"{run}\n{look.replace('.venv/bin/', '')}")
    assert ended.returncode == 0, ended.stderr
    assert "comparable cells are equal" in ended.stdout
    assert (shell.folder / "solved.xlsx").exists() and (shell.folder / "changes.html").exists()
