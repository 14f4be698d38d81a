#!/usr/bin/env python3
"""The server in a real Helix, from opening a manifest to saving it, by the keys that a person presses.

usage: helix_test.py HX PICTURES        `run-helix` starts this file; PICTURES is a folder for captures of the screen

The configuration is that of editors/helix, read from its files and its page: what is written there is what is tested.
Texts are compared whole, as they are on the disk.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from terminal import Silent, Terminal

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "editors" / "helix"
HX, PICTURES = sys.argv[1], Path(sys.argv[2])
VERSION = subprocess.run([HX, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]

SHOP = (HERE / "shop.yaml").read_text()
WEB = "          image: registry.example.com/shop/web:2.14.0\n"
ESCALATION = "          securityContext:\n            allowPrivilegeEscalation: false\n"
MISSING = """\
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop:
                - ALL
            readOnlyRootFilesystem: true
"""

failures = 0


def equal(what, got, expected):
    """One check; a failing one says what was expected and what there was, and lets the others run."""
    global failures
    if got == expected:
        print(f"ok - {VERSION}: {what}")
        return
    failures += 1
    print(f"not ok - {VERSION}: {what}")
    if isinstance(got, str) and isinstance(expected, str):
        for row in difflib.unified_diff(expected.splitlines(True), got.splitlines(True), "expected", "got"):
            print("  " + (row.rstrip("\n") if row.endswith("\n") and "\r" not in row else repr(row)))
    else:
        print(f"  expected: {expected!r}\n  got:      {got!r}")


def line(text, begins, after=0):
    """The number of the first line behind line `after` that begins so, indentation aside."""
    return next(n for n, row in enumerate(text.split("\n"), 1) if n > after and row.strip().startswith(begins))


class Helix:
    """Helix with a file of its own in a workspace of its own."""

    def __init__(self, text=SHOP, languages="", name="shop.yaml", files=()):
        self.folder = Path(tempfile.mkdtemp(dir=os.environ["TMPDIR"]))
        (self.folder / "work" / ".git").mkdir(parents=True)
        (self.folder / "helix").mkdir()
        shutil.copy(PAGE / "config.toml", self.folder / "helix")
        (self.folder / "helix" / "languages.toml").write_text((PAGE / "languages.toml").read_text() + languages)
        self.file = self.folder / "work" / name
        self.file.write_bytes(text.encode())
        for other, content in files:
            (self.folder / "work" / other).write_text(content)
        env = {**os.environ, "XDG_CONFIG_HOME": str(self.folder), "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        command = f"cd '{self.file.parent}' && exec '{HX}' '{name}'"
        self.terminal = Terminal(self.folder / "socket", [command], env=env)
        self.terminal.shows(r"^ NOR ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.terminal.end()

    def marked(self):
        """The lines with a sign of a finding beside their number."""
        found = (re.match(r"^● +(\d+) ", row) for row in self.terminal.screen())
        return [int(match[1]) for match in found if match]

    def marks(self, what, lines):
        """Checks for a bounded time that these lines are marked, and no others."""
        try:
            self.terminal.wait(what, lambda _: self.marked() == lines)
        except Silent:
            pass
        equal(what, self.marked(), lines)

    def count(self, number):
        """Waits until Helix counts so many warnings, as the text's line at the bottom has it."""
        self.terminal.shows(rf" ● {number} .* sel ")

    def go(self, number):
        """To the start of a line."""
        self.command(f"goto {number}")
        self.terminal.press("g", "h")
        self.terminal.shows(rf" {number}:1 *$")

    def find(self, number):
        """To the finding of a line, by the key that goes to the next one."""
        self.go(number)
        self.terminal.press("]", "d")
        self.terminal.shows(rf" {number}:(?!1 )\d+ *$")

    def command(self, text):
        self.terminal.type(f":{text}")
        self.terminal.shows(rf"^:{re.escape(text)}")
        self.terminal.press("Enter")
        self.terminal.shows(r"^ NOR ")

    def menu(self):
        """Opens the menu of code actions and returns its titles, in their order."""
        self.terminal.press("Space", "a")
        return self.terminal.wait("the menu", lambda rows: self.titles(rows))

    def escape(self):
        """Leaves a menu or the insert mode. What is typed before Helix has seen this key would be taken with Alt."""
        self.terminal.press("Escape")
        self.terminal.wait("the text alone", lambda rows: not self.titles(rows) and any(row.startswith(" NOR ") for row in rows))

    @staticmethod
    def titles(rows):
        """The menu stands over the text, one title a row, all as wide and beginning in the same column."""
        top = next((row for row in rows if "Set " in row or "Add " in row), None)
        if not top:
            return None
        column = min(top.index(word) for word in ("Set ", "Add ") if word in top)
        found = []
        for row in rows[rows.index(top):]:
            title = re.match(r"[A-Z][a-z]+ .*?(?=  |▐|$)", row[column:])
            if not title:
                break
            found.append(title[0].strip())
        return found

    def take(self, title):
        """Takes a code action by the arrow keys, as the menu is opened."""
        titles = self.menu()
        at = next((n for n, found in enumerate(titles) if found.startswith(title)), None)
        if at is None:
            raise Silent(f"no action '{title}' in {titles}")
        self.terminal.press(*["Down"] * at, "Enter")
        self.changed()
        return titles

    def changed(self):
        """Waits until Helix says that the text is not what is in the file."""
        self.terminal.shows(r"^ NOR .*\[\+\]")

    def becomes(self, what, text):
        """Saves, and checks the file for a bounded time."""
        self.command("write")
        try:
            self.terminal.wait(what, lambda _: self.saved() == text)
        except Silent:
            pass
        equal(what, self.saved(), text)

    def saved(self):
        """The file's text; nothing in the moment in which Helix puts a new file in the place of the old one."""
        try:
            return self.file.read_bytes().decode()
        except FileNotFoundError:
            return None

    def picture(self, name):
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{name}-{VERSION}.ansi").write_text(self.terminal.screen(colours=True))


SPEC = line(SHOP, "spec:", line(SHOP, "template:"))
NAME = line(SHOP, "- name: web")
SECOND = line(SHOP, "---")
SECOND_SPEC = line(SHOP, "spec:", line(SHOP, "template:", SECOND))
QUEUE = line(SHOP, "- name: queue")
ALL = [SPEC, NAME, SECOND_SPEC, QUEUE]


def findings():
    with Helix() as helix:
        helix.marks("findings stand at their lines", ALL)
        row = next(row for row in helix.terminal.screen() if "- name: web" in row)
        equal("a finding is told beside its line", 'container "web" lacks' in row, True)
        helix.picture("findings")
        helix.terminal.press("]", "d")
        place = helix.terminal.shows(r" (?!1:1 *$)(\d+:\d+) *$")[1]
        equal("]d goes to the end of the first finding", place, f"{SPEC}:8")


def a_quick_fix():
    with Helix() as helix:
        helix.count(4)
        helix.find(NAME)
        titles = helix.menu()
        helix.picture("menu")
        equal("the first actions of a container", titles[:3], [
            "Set allowPrivilegeEscalation: false",
            "Add 3 missing settings to container web (2 of them may stop some images)",
            "Drop ALL capabilities (a process that needs one of them stops working)",
        ])
        helix.escape()
        helix.take("Set allowPrivilegeEscalation: false")
        helix.becomes("the fix is in the file, byte for byte", SHOP.replace(WEB, WEB + ESCALATION))
        helix.picture("fixed")
        helix.terminal.press("u")
        helix.changed()
        helix.becomes("u takes it back", SHOP)
        helix.marks("undo brings the findings back", ALL)
        helix.find(NAME)
        helix.take("Add 3 missing settings to container web")
        helix.becomes("one action adds all that a container lacks", SHOP.replace(WEB, WEB + MISSING))


def crlf():
    text = SHOP.replace("\n", "\r\n")
    with Helix(text) as helix:
        helix.count(4)
        helix.find(NAME)
        helix.take("Set allowPrivilegeEscalation: false")
        helix.becomes("a file with CRLF keeps it", SHOP.replace(WEB, WEB + ESCALATION).replace("\n", "\r\n"))


def a_broken_line():
    with Helix() as helix:
        helix.count(4)
        replicas = line(SHOP, "replicas")
        helix.go(replicas)
        helix.terminal.press("f", ":", r"\;", "d")
        helix.marks("a line without its colon is marked, the others keep theirs", [replicas, *ALL])
        helix.terminal.press("i")
        helix.terminal.type(":")
        helix.escape()
        helix.marks("mended: everything as before", ALL)
        helix.changed()
        helix.becomes("the text too", SHOP)


def settings():
    languages = '\n[language-server.kubeharden.config]\nprofile = "baseline"\n'
    bad = SHOP.replace(WEB, WEB + "          securityContext:\n            privileged: true\n")
    with Helix(bad, languages) as helix:
        helix.marks("settings reach the server: baseline asks for less", [line(bad, "privileged: true")])


def other_yaml():
    text = "services:\n  web:\n    image: a\n    privileged: true\n---\n" + SHOP
    with Helix(text, name="other.yaml") as helix:
        helix.marks("other YAML beside a manifest is left alone", [n + 5 for n in ALL])


def settings_anew():
    if VERSION.startswith("25.01"):
        return  # it keeps what it read of a language when it started, and the page says so
    with Helix() as helix:
        helix.count(4)
        with (helix.folder / "helix" / "languages.toml").open("a") as languages:
            languages.write('\n[language-server.kubeharden.config]\nprofile = "baseline"\n')
        helix.command("config-reload")
        helix.command("lsp-restart")
        helix.marks("settings count after :config-reload and :lsp-restart", [])


def fix_on_save():
    block = re.search(r"## Fix on save.*?```toml\n(.*?)```", (PAGE / "README.md").read_text(), re.S)[1]
    languages = "".join(row + "\n" for row in block.splitlines() if not row.startswith(("[[", "name")))
    server = os.environ["KUBEHARDEN_BIN"]
    fixed = subprocess.run([server, "fix", "-"], input=SHOP, capture_output=True, text=True, check=True).stdout
    equal("fix on save: there is something to fix", fixed.count("allowPrivilegeEscalation: false"), 2)
    with Helix(languages=languages) as helix:
        helix.count(4)
        helix.becomes("fix on save: every safe fix is in the file", fixed)
    with Helix(languages=languages, files=[(".kubeharden.yaml", "profile: baseline\n")]) as helix:
        helix.marks("fix on save: a configuration file beside it counts for the findings", [])
        helix.command("write")
        helix.becomes("fix on save: and for what is saved", SHOP)


def the_page():
    page = (PAGE / "README.md").read_text()
    for name in ("languages.toml", "config.toml"):
        text = (PAGE / name).read_text()
        tomllib.loads(text)
        equal(f"the page shows {name} as it is", text in page, True)


for test in (the_page, findings, a_quick_fix, crlf, a_broken_line, settings, settings_anew, other_yaml, fix_on_save):
    try:
        test()
    except Silent as silent:
        equal(f"{test.__name__} runs to its end", str(silent), "")
sys.exit(failures != 0)
