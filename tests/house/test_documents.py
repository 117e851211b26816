"""What the documents say is so: links lead somewhere, commands, settings, metrics, paths and calls exist, examples run.

Reads README, CHANGELOG, its fragments and everything under docs; the examples run against a real server in developer mode.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from urllib.request import urlopen

import pytest
import typer.main

from tests.support.server import Server
from tidings.cli.main import app
from tidings.cli.provision import read_provision
from tidings.observe.metrics import Metrics
from tidings.settings import ABOUT, environment_name

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "changes").glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
DEFAULT_URL = "http://127.0.0.1:8010"

_FENCE = re.compile(r"^(?P<mark>`{3,})(?P<language>[a-z]*)\n(?P<code>.*?)^(?P=mark)$", re.MULTILINE | re.DOTALL)
_INDENTED_FENCE = re.compile(r"^ +```.*?^ +```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\[[^\]\n]*(?:\n[^\]\n]*)?\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|(?<=[\s;&|(])|(?<=bin/))tidings[ \t]+([^\n;&|<>)#]+)", re.MULTILINE)
_OWN_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?")
_API_PATH = re.compile(r"/api/v1((?:/[\w.${}-]+)*)")


def _prose(text: str) -> str:
    return _INDENTED_FENCE.sub("", _FENCE.sub("", text))


def _fences(text: str) -> Iterator[tuple[str, str]]:
    """Language and code of each block."""
    for match in _FENCE.finditer(text):
        yield match["language"], match["code"]


def _code(text: str) -> str:
    """All code of a document, spans and blocks, a piece a line; continued lines joined."""
    pieces = [code for _, code in _fences(text)] + _SPAN.findall(_prose(text))
    return "\n".join(pieces).replace("\\\n", " ")


def _slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _anchors(document: Path) -> set[str]:
    return {_slug(heading) for heading in _HEADING.findall(_prose(document.read_text("utf-8")))}


def _names(documents: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in documents]


def _command_faults(arguments: list[str]) -> list[str]:
    """What the command line does not know among the words after `tidings`."""
    command: Any = typer.main.get_command(app)
    words = list(arguments)
    while words and hasattr(command, "commands"):
        if re.fullmatch(r"[a-z][a-z|-]*", words[0]) is None:
            break
        known = command.commands
        if words[0] not in known:
            return [f"no command {words[0]}"]
        command = known[words.pop(0)]
    known_options = {"--help", *(option for it in command.params for option in (*it.opts, *it.secondary_opts))}
    given = [word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)]
    return [f"{command.name} has no option {option}" for option in given if option not in known_options]


def test_every_decision_has_its_number_once_and_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    for place, decision in enumerate(found, start=1):
        number, _, title = decision.read_text("utf-8").splitlines()[0].removeprefix("# ").partition(": ")
        assert number == decision.name[:4] == f"{place:04}", decision.name
        assert f"[{title}](decisions/{decision.name})" in index, decision.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=_names(DOCUMENTS))
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for target in _LINK.findall(_SPAN.sub("", _prose(document.read_text("utf-8")))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, fragment = target.partition("#")
        found = (document.parent / unquote(path)).resolve() if path else document
        if not found.exists() or ROOT not in found.parents or (fragment and fragment not in _anchors(found)):
            broken.append(target)
    assert broken == []


def test_words_are_spelled_as_they_are() -> None:
    """Of documents, texts and comments; words that are meant as they stand are kept in pyproject.toml."""
    command = [sys.executable, "-m", "codespell_lib", *_names(DOCUMENTS), "SECURITY.md", "src"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("document", DOCUMENTS, ids=_names(DOCUMENTS))
def test_every_command_exists(document: Path) -> None:
    faults = []
    code = _code(document.read_text("utf-8"))
    for match in _COMMAND.finditer(code):
        try:
            words = shlex.split(match[1].replace("$(", " "))
        except ValueError:  # a quotation mark that ends outside the command
            words = match[1].split()
        faults += [f"tidings {match[1].strip()}: {fault}" for fault in _command_faults(words)]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    faults += [f"make {target}" for target in re.findall(r"(?m)(?:^|\s)make ([a-z]+)", code) if target not in targets]
    assert faults == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert _command_faults(["serve", "--dev", "--listen", "127.0.0.1:0"]) == []
    assert _command_faults(["surf"]) == ["no command surf"]
    assert _command_faults(["key", "forge"]) == ["no command forge"]
    assert _command_faults(["backup", "file", "--swiftly"]) == ["backup has no option --swiftly"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=_names(DOCUMENTS))
def test_every_setting_and_metric_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    settings = {environment_name(name) for name in ABOUT}
    assert set(re.findall(r"\bTIDINGS_[A-Z0-9_]*[A-Z0-9]", text)) <= settings
    exposed = set(re.findall(r"^# TYPE (\S+)", Metrics().render().decode(), re.MULTILINE))
    assert set(re.findall(r"(?<!__Host-)\btidings_[a-z_]+", text)) - {"tidings_"} <= exposed


@pytest.mark.parametrize("document", DOCUMENTS, ids=_names(DOCUMENTS))
def test_every_path_of_the_server_exists(document: Path) -> None:
    package = ROOT / "src" / "tidings"
    missing = []
    for span in _SPAN.findall(_prose(document.read_text("utf-8"))):
        first = span.partition("/")[0]
        if _OWN_PATH.fullmatch(span) is None or not ((ROOT / first).is_dir() or (package / first).is_dir()):
            continue
        made_by_running = "/results/" in span or span.startswith("bench/.venv")
        if not made_by_running and not any(
            (base / f"{span}{ending}").exists() for base in (ROOT, package) for ending in ("", ".py")
        ):
            missing.append(span)
    assert missing == []


def test_every_call_of_the_management_api_exists(server: Server) -> None:
    with urlopen(f"{server.url}/api/v1/openapi.json") as answer:
        known = {re.sub(r"\{\w+\}", "{}", path) for path in json.load(answer)["paths"]}
    unknown = []
    for document in DOCUMENTS:
        for path in _API_PATH.findall(_code(document.read_text("utf-8"))):
            shape = "/api/v1" + re.sub(r"\$\w+|\{\w+\}", "{}", path).rstrip(".")
            if shape in known or any(it.startswith(f"{shape}/") for it in known):
                continue
            if re.sub(r"/(users|access-keys|accounts)/\w+$", r"/\1/{}", shape) not in known:
                unknown.append(f"{document.name}: {path}")
    assert unknown == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=_names(DOCUMENTS))
def test_every_example_can_be_read(document: Path, tmp_path: Path) -> None:
    for language, code in _fences(document.read_text("utf-8")):
        if language == "python":
            compile(code, str(document), "exec")
        elif language == "toml" and "[[account]]" in code:
            (tmp_path / "accounts.toml").write_text(code, "utf-8")
            assert read_provision(tmp_path / "accounts.toml")
        elif language in ("sh", "bash"):
            done = subprocess.run(["sh", "-n"], input=code, text=True, capture_output=True, check=False)
            assert done.returncode == 0, f"{code}\n{done.stderr}"


def test_the_readme_program_delivers_and_cancels(server: Server, tmp_path: Path) -> None:
    blocks = list(_fences((ROOT / "README.md").read_text("utf-8")))
    (position,) = (number for number, (language, _) in enumerate(blocks) if language == "python")
    program, promised = blocks[position][1], blocks[position + 1][1]
    assert DEFAULT_URL in program
    (tmp_path / "hello.py").write_text(program.replace(DEFAULT_URL, server.url), "utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "hello.py")], text=True, capture_output=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == (promised, "")


STEPS = ("", "helper", "subscribe", "mail", "open", "confirm", "publish", "cancel", "goodbye", "back", "ledger", "search",
         "late", "plug", "clean")  # fmt: skip


def _said_in_tutorial(server: Server, folder: Path) -> dict[str, str]:
    """Run the tutorial's shell blocks as one session; what each printed, by step."""
    blocks = [code for language, code in _fences((ROOT / "docs/tutorial.md").read_text("utf-8")) if language == "sh"]
    assert DEFAULT_URL in blocks[0]
    # A person reads before the next step, and meanwhile the mail is there; a script has to look.
    calm = f"until curl -s {server.url}/metrics | grep -q '^tidings_backlog_messages 0'; do sleep 0.05; done\n"
    script = "set -eu\n" + "".join(f"{calm}echo; echo '== {n}'\n{block}\n" for n, block in enumerate(blocks))
    (folder / "tutorial.sh").write_text(script.replace(DEFAULT_URL, server.url), "utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TIDINGS_"))} | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),  # nobody's own AWS profile
        "AWS_PAGER": "",
        "TIDINGS_DATA": str(server.data / "state"),
    }
    done = subprocess.run(
        ["bash", "tutorial.sh"],
        stdin=subprocess.DEVNULL,
        text=True,
        capture_output=True,
        timeout=100,
        env=environment,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(zip(STEPS, re.split(r"^== \d+$", done.stdout, flags=re.MULTILINE)[1:], strict=True))


def test_the_tutorial_goes_as_it_says(server: Server, tmp_path: Path) -> None:
    lacking = [tool for tool in ("bash", "curl") if shutil.which(tool) is None]
    if lacking and not os.environ.get("CI"):
        pytest.skip(f"the tutorial needs {' and '.join(lacking)}")
    said = _said_in_tutorial(server, tmp_path)
    assert "pending confirmation" in said["subscribe"]
    assert "Please confirm your subscription to Harbor news" in said["mail"]
    assert "200\n" in said["open"]
    assert '"PendingConfirmation"' in said["open"]
    assert '"state": "confirmed"' in said["confirm"]
    assert "The ferry leaves from pier 2 tonight." in said["publish"]
    assert "'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click'" in said["publish"]
    assert "will receive nothing more from Harbor news" in said["goodbye"]
    assert "Nobody hears this" not in said["goodbye"]
    assert "Deleted\tann@example.org" in said["goodbye"]
    assert '"page": "restored"' in said["back"]
    events = re.findall(r"^\S+  (\S+) .* by (\S+) from", said["ledger"], re.MULTILINE)
    assert events == [("subscribed", "api"), ("confirmed", "link"), ("canceled", "one-click"), ("restored", "link")]
    assert json.loads(said["search"])["items"][0]["state"] == "confirmed"
    assert '"page": "problem"' in said["late"]
    assert re.search(r"harbor-news:\S+\tann@example.org", said["plug"])


def test_the_examples_of_the_management_api_run_as_they_stand(server: Server) -> None:
    """In one shell, from top to bottom; every call is answered with a success."""
    code = "\n".join(
        code for language, code in _fences((ROOT / "docs/reference/api.md").read_text()) if language == "sh"
    )
    watched = """
curl() {
  answer=$(command curl -w '\\n%{http_code}' "$@") || exit 9
  case "${answer##*$'\\n'}" in 2*) ;; *) printf 'FAILED %s\\n%s\\n' "$*" "$answer" >&2 ;; esac
  printf '%s\\n' "${answer%$'\\n'*}"
}
"""
    # The last call is none of the page's: it shows that a failure would be noticed.
    script = f'{watched}{code.replace(DEFAULT_URL, server.url)}\ncurl -s "$TIDINGS/api/v1/nothing"\n'
    environment = {"PATH": os.environ["PATH"], "HOME": str(server.data), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-u"], input=script, capture_output=True, text=True, cwd=server.data, env=environment, timeout=100
    )
    assert re.findall("^FAILED .*", done.stderr, re.MULTILINE) == [f"FAILED -s {server.url}/api/v1/nothing"], (
        done.stderr
    )
    assert done.returncode == 0


def test_whoever_remembers_something_for_a_time_or_listens_is_in_the_table() -> None:
    sources = ROOT / "src" / "tidings"
    table = (ROOT / "docs" / "architecture.md").read_text("utf-8").split("## What a process remembers")[1]
    remembering = {
        path.relative_to(sources).as_posix()
        for path in sources.rglob("*.py")
        if re.search(r"\] = TtlCache\(|announcer\.listen\(|OrderedDict\[.*\] = OrderedDict\(", path.read_text("utf-8"))
    }
    # The cache itself, and wiring that only joins what the table names.
    remembering -= {"domain/ttl_cache.py", "wiring/foundation.py", "wiring/delivery.py"}
    assert len(remembering) > 10
    assert [name for name in sorted(remembering) if f"`{name}`" not in table] == []
