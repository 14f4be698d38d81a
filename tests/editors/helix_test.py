#!/usr/bin/env python3
"""Tests the server in a real Helix with key presses. `run-helix` starts this file.

usage: helix_test.py HX PICTURES        PICTURES is a folder for captures of the screen

The tests use the configuration files and the README.md of editors/helix. They compare whole files on disk.
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

from terminal import TerminalTimeout, Terminal

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parent.parent / "editors" / "helix"
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
    """Compares two values and reports the result. A failure does not stop the test."""
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
    """Returns the number of the first line after line `after` that starts with `begins`, ignoring indentation."""
    return next(n for n, row in enumerate(text.split("\n"), 1) if n > after and row.strip().startswith(begins))


class Helix:
    """Helix with one open file in a new workspace."""

    def __init__(self, text=SHOP, languages="", name="shop.yaml", files=()):
        self.folder = Path(tempfile.mkdtemp(dir=os.environ["TMPDIR"]))
        (self.folder / "work" / ".git").mkdir(parents=True)
        (self.folder / "helix").mkdir()
        shutil.copy(CONFIG / "config.toml", self.folder / "helix")
        (self.folder / "helix" / "languages.toml").write_text((CONFIG / "languages.toml").read_text() + languages)
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
        """Returns the numbers of the lines with a diagnostic marker."""
        found = (re.match(r"^● +(\d+) ", row) for row in self.terminal.screen())
        return [int(match[1]) for match in found if match]

    def marks(self, what, lines):
        """Waits until exactly these lines are marked, and reports the result."""
        try:
            self.terminal.wait(what, lambda _: self.marked() == lines)
        except TerminalTimeout:
            pass
        equal(what, self.marked(), lines)

    def count(self, number):
        """Waits until the status line shows a number of warnings."""
        self.terminal.shows(rf" ● {number} .* sel ")

    def go(self, number):
        """Moves the cursor to the start of a line."""
        self.command(f"goto {number}")
        self.terminal.press("g", "h")
        self.terminal.shows(rf" {number}:1 *$")

    def go_to_finding(self, number):
        """Moves the cursor to the finding of a line with the key for the next diagnostic."""
        self.go(number)
        self.terminal.press("]", "d")
        self.terminal.shows(rf" {number}:(?!1 )\d+ *$")

    def command(self, text):
        self.terminal.type(f":{text}")
        self.terminal.shows(rf"^:{re.escape(text)}")
        self.terminal.press("Enter")
        self.terminal.shows(r"^ NOR ")

    def menu(self):
        """Opens the menu of code actions and returns its titles in order."""
        self.terminal.press("Space", "a")
        return self.terminal.wait("the menu", lambda rows: self.titles(rows))

    def escape(self):
        """Closes a menu or leaves the insert mode. Waits, because Helix reads Escape and a quick next key as Alt and that key."""
        self.terminal.press("Escape")
        self.terminal.wait("the normal mode", lambda rows: not self.titles(rows) and any(row.startswith(" NOR ") for row in rows))

    @staticmethod
    def titles(rows):
        """Returns the titles of the menu. The menu is drawn over the text with one title per row, all in the same column."""
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

    def apply_action(self, title):
        """Opens the menu and applies a code action with the arrow keys."""
        titles = self.menu()
        at = next((n for n, found in enumerate(titles) if found.startswith(title)), None)
        if at is None:
            raise TerminalTimeout(f"no action '{title}' in {titles}")
        self.terminal.press(*["Down"] * at, "Enter")
        self.wait_until_modified()
        return titles

    def wait_until_modified(self):
        """Waits until Helix shows that the text is modified."""
        self.terminal.shows(r"^ NOR .*\[\+\]")

    def saves_as(self, what, text):
        """Saves, waits until the file has the expected text, and reports the result."""
        self.command("write")
        try:
            self.terminal.wait(what, lambda _: self.saved() == text)
        except TerminalTimeout:
            pass
        equal(what, self.saved(), text)

    def saved(self):
        """Returns the text of the file, or None while Helix replaces the file."""
        try:
            return self.file.read_bytes().decode()
        except FileNotFoundError:
            return None

    def picture(self, name):
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{name}-{VERSION}.ansi").write_text(self.terminal.screen(colors=True))


SPEC = line(SHOP, "spec:", line(SHOP, "template:"))
NAME = line(SHOP, "- name: web")
SECOND = line(SHOP, "---")
SECOND_SPEC = line(SHOP, "spec:", line(SHOP, "template:", SECOND))
QUEUE = line(SHOP, "- name: queue")
ALL = [SPEC, NAME, SECOND_SPEC, QUEUE]


def findings_are_shown():
    with Helix() as helix:
        helix.marks("findings are marked on their lines", ALL)
        row = next(row for row in helix.terminal.screen() if "- name: web" in row)
        equal("the message is shown at the end of the line", 'container "web" lacks' in row, True)
        helix.picture("findings")
        helix.terminal.press("]", "d")
        position = helix.terminal.shows(r" (?!1:1 *$)(\d+:\d+) *$")[1]
        equal("]d goes to the end of the first finding", position, f"{SPEC}:8")


def quick_fixes():
    with Helix() as helix:
        helix.count(4)
        helix.go_to_finding(NAME)
        titles = helix.menu()
        helix.picture("menu")
        equal("the first actions of a container", titles[:3], [
            "Set allowPrivilegeEscalation: false",
            "Add 3 missing settings to container web (2 may break some images)",
            "Drop ALL capabilities (may break some images)",
        ])
        helix.escape()
        helix.apply_action("Set allowPrivilegeEscalation: false")
        helix.saves_as("a fix changes only its bytes", SHOP.replace(WEB, WEB + ESCALATION))
        helix.picture("fixed")
        helix.terminal.press("u")
        helix.wait_until_modified()
        helix.saves_as("u undoes the fix", SHOP)
        helix.marks("undo restores the findings", ALL)
        helix.go_to_finding(NAME)
        helix.apply_action("Add 3 missing settings to container web")
        helix.saves_as("one action adds all missing settings of a container", SHOP.replace(WEB, WEB + MISSING))


def crlf():
    text = SHOP.replace("\n", "\r\n")
    with Helix(text) as helix:
        helix.count(4)
        helix.go_to_finding(NAME)
        helix.apply_action("Set allowPrivilegeEscalation: false")
        helix.saves_as("a fix keeps CRLF", SHOP.replace(WEB, WEB + ESCALATION).replace("\n", "\r\n"))


def syntax_error():
    with Helix() as helix:
        helix.count(4)
        replicas = line(SHOP, "replicas")
        helix.go(replicas)
        helix.terminal.press("f", ":", r"\;", "d")
        helix.marks("a line without a colon is marked, and the others stay marked", [replicas, *ALL])
        helix.terminal.press("i")
        helix.terminal.type(":")
        helix.escape()
        helix.marks("fixing the syntax error restores the findings", ALL)
        helix.wait_until_modified()
        helix.saves_as("the text is unchanged", SHOP)


def settings():
    languages = '\n[language-server.kubeharden.config]\nprofile = "baseline"\n'
    bad = SHOP.replace(WEB, WEB + "          securityContext:\n            privileged: true\n")
    with Helix(bad, languages) as helix:
        helix.marks("the profile of the settings applies", [line(bad, "privileged: true")])


def other_yaml():
    text = "services:\n  web:\n    image: a\n    privileged: true\n---\n" + SHOP
    with Helix(text, name="other.yaml") as helix:
        helix.marks("other YAML next to a manifest has no findings", [n + 5 for n in ALL])


def settings_reload():
    if VERSION.startswith("25.01"):
        return  # Helix 25.01 does not reload languages.toml, see README.md
    with Helix() as helix:
        helix.count(4)
        with (helix.folder / "helix" / "languages.toml").open("a") as languages:
            languages.write('\n[language-server.kubeharden.config]\nprofile = "baseline"\n')
        helix.command("config-reload")
        helix.command("lsp-restart")
        helix.marks("changed settings apply after :config-reload and :lsp-restart", [])


def fix_on_save():
    block = re.search(r"## Fix on save.*?```toml\n(.*?)```", (CONFIG / "README.md").read_text(), re.S)[1]
    languages = "".join(row + "\n" for row in block.splitlines() if not row.startswith(("[[", "name")))
    server = os.environ["KUBEHARDEN_BIN"]
    fixed = subprocess.run([server, "fix", "-"], input=SHOP, capture_output=True, text=True, check=True).stdout
    equal("fix on save: there is something to fix", fixed.count("allowPrivilegeEscalation: false"), 2)
    with Helix(languages=languages) as helix:
        helix.count(4)
        helix.saves_as("fix on save: all safe fixes are applied", fixed)
    with Helix(languages=languages, files=[(".kubeharden.yaml", "profile: baseline\n")]) as helix:
        helix.marks("fix on save: the configuration file applies to the findings", [])
        helix.command("write")
        helix.saves_as("fix on save: the configuration file applies to the fixes", SHOP)


def readme():
    page = (CONFIG / "README.md").read_text()
    for name in ("languages.toml", "config.toml"):
        text = (CONFIG / name).read_text()
        tomllib.loads(text)
        equal(f"the README shows {name} unchanged", text in page, True)


for test in (readme, findings_are_shown, quick_fixes, crlf, syntax_error, settings, settings_reload, other_yaml, fix_on_save):
    try:
        test()
    except TerminalTimeout as timeout:
        equal(f"{test.__name__} runs to the end", str(timeout), "")
sys.exit(failures != 0)
