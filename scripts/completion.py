#!/usr/bin/python3
"""Fill the completion's @TABLE@ from the command table.

    scripts/completion.py TEMPLATE OUTPUT DUMP

DUMP is the program that prints the command table, one "path<TAB>synopsis<TAB>help" a line. Out of
a synopsis come the arguments that are one of a few words: {on|off}, [all|debugonly]; of a mixed
one like {all|<tunnel>} or <address>|off the words. A <file> is FILE, everything else -.
"""
import re
import subprocess
import sys


def choices(argument):
    if argument.strip("[]") == "<file>":
        return "FILE"
    words = [w for w in argument.strip("[]{}").split("|") if re.fullmatch(r"[A-Za-z0-9]+", w)]
    return "|".join(words) or "-"


def arguments(synopsis):
    """Split at spaces outside of brackets; what is optional as a whole is its parts."""
    out = []
    for part in re.findall(r"\[[^\]<]*(?:<[^>]*>[^\]<]*)*\]|<[^>]*>[^\s\]]*|\{[^}]*\}|\S+", synopsis):
        inner = part[1:-1] if part.startswith("[") and "|" not in part else part
        out += inner.split() if inner is not part else [part]
    return [a for a in out if a != "..."]


def main():
    template, output, dump = sys.argv[1:]
    rows = [line.split("\t") for line in
            subprocess.run([dump], check=True, capture_output=True, text=True).stdout.splitlines()]
    table = "\n".join("\t".join([path, *map(choices, arguments(synopsis))])
                      for path, synopsis, _ in rows)
    with open(template) as f:
        text = f.read().replace("@TABLE@", table)
    with open(output, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
