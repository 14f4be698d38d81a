"""A program in a terminal, as a person has it: keys go in, the screen is read. The terminal is tmux, a server of its own
for each; nothing here knows which program runs."""

import re
import subprocess
import time

PATIENCE = 10  # seconds; reached only by a check that fails


class Silent(Exception):
    """What was waited for did not come."""


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

    def screen(self, colours=False):
        """The rows of the screen as text; with `colours`, in one piece as ansi2svg.py reads it."""
        if colours:
            return self._run("capture-pane", "-e", "-N", "-p")
        return self._run("capture-pane", "-p").split("\n")

    def press(self, *keys):
        """Keys by the names that tmux has for them: `Enter`, `Escape`, `C-s`, `x`."""
        self._run("send-keys", *keys)

    def type(self, text):
        self._run("send-keys", "-l", text)

    def wait(self, what, probe):
        """What `probe` makes of the screen, as soon as that is something."""
        end = time.monotonic() + PATIENCE
        while True:
            rows = self.screen()
            value = probe(rows)
            if value:
                return value
            if time.monotonic() > end:
                raise Silent(f"waited {PATIENCE} s for {what}; the screen:\n" + "\n".join(rows).rstrip())
            time.sleep(0.02)

    def shows(self, pattern):
        """Waits for a row that has the pattern, and returns its match."""
        return self.wait(repr(pattern), lambda rows: next(filter(None, (re.search(pattern, row) for row in rows)), None))

    def end(self):
        self._run("kill-server")
