"""Runs a program in a terminal, sends keys, and reads the screen. Each terminal is a separate tmux server."""

import re
import subprocess
import time

TIMEOUT = 10  # seconds; only failing checks wait this long


class TerminalTimeout(Exception):
    """An expected change of the screen did not happen."""


class Terminal:
    def __init__(self, socket, command, columns=120, rows=50, env=None):
        self.socket, self.columns = str(socket), columns
        subprocess.run(
            [*self._tmux(), "new-session", "-d", "-x", str(columns), "-y", str(rows), *command],
            check=True, env=env,
        )
        self._run("set-option", "-g", "status", "off")

    def _tmux(self):
        return ["tmux", "-S", self.socket, "-f", "/dev/null", "-u"]

    def _run(self, *arguments):
        done = subprocess.run([*self._tmux(), *arguments], capture_output=True, text=True, check=False)
        return done.stdout

    def screen(self, colors=False):
        """Returns the rows of the screen as text. With `colors`, returns one string with escapes, for ansi2svg.py."""
        if colors:
            return self._run("capture-pane", "-e", "-N", "-p")
        return self._run("capture-pane", "-p").split("\n")

    def press(self, *keys):
        """Presses keys, with the names of tmux: `Enter`, `Escape`, `C-s`, `x`."""
        self._run("send-keys", *keys)

    def type(self, text):
        self._run("send-keys", "-l", text)

    def wait(self, what, probe):
        """Waits until `probe` returns a truthy value for the rows of the screen, and returns the value."""
        end = time.monotonic() + TIMEOUT
        while True:
            rows = self.screen()
            value = probe(rows)
            if value:
                return value
            if time.monotonic() > end:
                raise TerminalTimeout(f"timed out after {TIMEOUT} s waiting for {what}; the screen:\n" + "\n".join(rows).rstrip())
            time.sleep(0.02)

    def shows(self, pattern):
        """Waits for a row that matches a pattern, and returns the match."""
        return self.wait(repr(pattern), lambda rows: next(filter(None, (re.search(pattern, row) for row in rows)), None))

    def end(self):
        self._run("kill-server")
