#!/usr/bin/env python3
"""Converts a terminal screen, captured by `tmux capture-pane -e -p`, to an SVG picture.

usage: ansi2svg.py --title TITLE [--columns N] < CAPTURE > PICTURE

Supports 16, 256 and true colors, bold, italic, dim, reverse, strikethrough, and underlines of every shape and color. Each run
of text has an explicit position and width, so the columns stay aligned with any monospaced font. The output is deterministic.
"""

import argparse
import html
import re
import sys
import unicodedata
from dataclasses import dataclass, replace

CELL_WIDTH, CELL_HEIGHT, FONT_SIZE, MARGIN = 8.4, 18, 14, 14
FOREGROUND, BACKGROUND = "#e0e2ea", "#14161b"
BASIC = ("#07080d #ffc0b9 #b3f6c0 #fce094 #a6dbff #ffcaff #8cf8f7 #eef1f8 "
         "#4f5258 #ffc0b9 #b3f6c0 #fce094 #a6dbff #ffcaff #8cf8f7 #eef1f8").split()
SGR = re.compile(r"\x1b\[([0-9;:]*)m")
OTHER_ESCAPES = re.compile(r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|\[[0-9;:?]*[A-Za-ln-z]|[()].|\x0e|\x0f)|[\x0e\x0f]")


@dataclass(frozen=True)
class Style:
    fg: str | None = None
    bg: str | None = None
    line: str | None = None  # the color of the underline
    underline: int = 0  # 1 straight, 2 double, 3 curly, 4 dotted, 5 dashed
    bold: bool = False
    dim: bool = False
    italic: bool = False
    reverse: bool = False
    strike: bool = False


def indexed(n):
    """Returns one of the 256 colors."""
    if n < 16:
        return BASIC[n]
    if n < 232:
        levels = (0, 95, 135, 175, 215, 255)
        n -= 16
        return "#%02x%02x%02x" % (levels[n // 36], levels[n // 6 % 6], levels[n % 6])
    return "#%02x%02x%02x" % ((8 + 10 * (n - 232),) * 3)


def parse_color(arguments):
    """Parses a color from `5;n` or `2;r;g;b`. Returns it and the number of arguments. With colons, the color space may be empty."""
    if arguments[:1] == [5] and len(arguments) > 1:
        return indexed(arguments[1] or 0), 2
    if arguments[:1] == [2]:
        rgb = arguments[2:5] if len(arguments) > 4 and arguments[1] is None else arguments[1:4]
        return "#%02x%02x%02x" % tuple(v or 0 for v in rgb), 4
    return None, len(arguments)


def restyle(style, codes):
    """Applies an SGR sequence to a style."""
    groups = [[int(v) if v else None for v in group.split(":")] for group in codes.split(";")]
    while groups:
        code, *rest = groups.pop(0)
        if code in (38, 48, 58):
            # With semicolons, the numbers of the color are separate groups.
            flat = rest or [group[0] for group in groups]
            value, taken = parse_color(flat)
            if not rest:
                del groups[:taken]
            style = replace(style, **{{38: "fg", 48: "bg", 58: "line"}[code]: value})
        elif code in (None, 0):
            style = Style()
        elif code == 4:
            style = replace(style, underline=rest[0] if rest and rest[0] is not None else 1)
        elif code in (1, 2, 3, 7, 9):
            style = replace(style, **{{1: "bold", 2: "dim", 3: "italic", 7: "reverse", 9: "strike"}[code]: True})
        elif code == 21:
            style = replace(style, underline=2)
        elif code == 22:
            style = replace(style, bold=False, dim=False)
        elif code in (23, 24, 27, 29):
            off = {23: {"italic": False}, 24: {"underline": 0}, 27: {"reverse": False}, 29: {"strike": False}}
            style = replace(style, **off[code])
        elif code in (39, 49, 59):
            style = replace(style, **{{39: "fg", 49: "bg", 59: "line"}[code]: None})
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = replace(style, fg=BASIC[code - 30 if code < 90 else code - 82])
        elif 40 <= code <= 47 or 100 <= code <= 107:
            style = replace(style, bg=BASIC[code - 40 if code < 100 else code - 92])
    return style


def width(char):
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def parse_screen(capture):
    """Yields each row as runs `(column, width, text, style)`. In the output of tmux, a style continues on the next row."""
    style = Style()
    for row in capture.split("\n"):
        runs, column = [], 0
        parts = SGR.split(OTHER_ESCAPES.sub("", row))
        for i, part in enumerate(parts):
            if i % 2:
                style = restyle(style, part)
            elif part:
                cells = sum(map(width, part))
                runs.append((column, cells, part, style))
                column += cells
        yield runs


def underline(x, y, length, style, fg):
    stroke = style.line or fg
    if style.underline == 3:
        steps = max(1, round(length / 4.2))
        path = f"M{x:.1f} {y:.1f}q1.05 -2 2.1 0" + "t2.1 0" * (2 * steps - 1)
        return f'<path d="{path}" fill="none" stroke="{stroke}"/>'
    dash = {4: ' stroke-dasharray="1 2"', 5: ' stroke-dasharray="4 3"'}.get(style.underline, "")
    lines = f'<path d="M{x:.1f} {y:.1f}h{length:.1f}" stroke="{stroke}"{dash}/>'
    if style.underline == 2:
        lines += f'<path d="M{x:.1f} {y + 2:.1f}h{length:.1f}" stroke="{stroke}"/>'
    return lines


def draw(rows, columns, title):
    total_width, total_height = columns * CELL_WIDTH + 2 * MARGIN, len(rows) * CELL_HEIGHT + 2 * MARGIN
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width:.0f}" height="{total_height:.0f}" '
           f'viewBox="0 0 {total_width:.1f} {total_height:.1f}" role="img">')
    yield f"<title>{html.escape(title)}</title>"
    yield f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>'
    yield (f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" '
           f'font-size="{FONT_SIZE}">')
    for n, row in enumerate(rows):
        top = MARGIN + n * CELL_HEIGHT
        for column, cells, text, style in row:
            fg, bg = style.fg or FOREGROUND, style.bg
            if style.reverse:
                fg, bg = bg or BACKGROUND, fg
            x, length = MARGIN + column * CELL_WIDTH, cells * CELL_WIDTH
            if bg and bg != BACKGROUND:
                yield f'<rect x="{x:.1f}" y="{top}" width="{length:.1f}" height="{CELL_HEIGHT}" fill="{bg}"/>'
            look = ' font-weight="bold"' if style.bold else ""
            look += ' font-style="italic"' if style.italic else ""
            look += ' opacity=".6"' if style.dim else ""
            look += ' text-decoration="line-through"' if style.strike else ""
            # Some viewers collapse repeated spaces, so the text between them is positioned separately.
            for words in re.finditer(r"\S+(?: \S+)*", text):
                at = x + sum(map(width, text[:words.start()])) * CELL_WIDTH
                span = sum(map(width, words[0])) * CELL_WIDTH
                yield (f'<text x="{at:.1f}" y="{top + 13.5}" textLength="{span:.1f}" lengthAdjust="spacingAndGlyphs" '
                       f'fill="{fg}"{look}>{html.escape(words[0], quote=False)}</text>')
            if style.underline:
                yield underline(x, top + CELL_HEIGHT - 2.5, length, style, fg)
    yield "</g>"
    yield "</svg>"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--title", required=True)
    arguments.add_argument("--columns", type=int, default=110)
    options = arguments.parse_args()
    capture = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    rows = list(parse_screen(capture))
    print("\n".join(draw(rows, options.columns, options.title)))


if __name__ == "__main__":
    main()
