#!/usr/bin/python3
"""Fill the manual pages' @COMMANDS@, @VERDICTS@ and @EXAMPLE@ from the tables themselves.

    scripts/man.py TEMPLATE OUTPUT DUMP SOURCE-ROOT

DUMP is the program that prints the command table, one "path<TAB>synopsis<TAB>help" a line.
"""
import os
import re
import subprocess
import sys


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def commands(dump):
    out = []
    rows = [line.split("\t") for line in
            subprocess.run([dump], check=True, capture_output=True, text=True).stdout.splitlines()]
    section = None
    for path, synopsis, text in rows:
        first = path.split()[0]
        if first != section and " " in path:
            if section:
                out.append(".El")
            out += [f".Ss {first}", ".Bl -tag -width Ds"]
            section = first
        elif section is None:
            out += [".Ss everywhere", ".Bl -tag -width Ds"]
            section = ""
        out.append(f".It Cm {escape(path)}" + (f" Ar {escape(synopsis)}" if synopsis else ""))
        out.append(escape(text[:1].upper() + text[1:] + "."))
    out.append(".El")
    return "\n".join(out)


def names(root):
    text = open(os.path.join(root, "src/table/errname.def")).read()
    return dict(re.findall(r'^ERRNAME\((\w+),\s*"([^"]+)"', text, re.M))


def verdicts(root):
    errors = names(root)
    text = open(os.path.join(root, "src/table/verdict.def")).read()
    rows = re.findall(r'^VERDICT\((\w+),\s*\w+,\s*(\w+),\s*"([^"]+)"\)', text, re.M)
    return "\n".join(f".It {n} Ta {escape(errors.get(e, ''))} Ta {escape(s)}" for n, e, s in rows)


def example(root):
    text = open(os.path.join(root, "examples/sixxsd.conf")).read().rstrip()
    return "\n".join(escape(line) for line in text.splitlines())


def main():
    template, output, dump, root = sys.argv[1:]
    text = open(template).read()
    for mark, make in (("@COMMANDS@", lambda: commands(dump)), ("@VERDICTS@", lambda: verdicts(root)),
                       ("@EXAMPLE@", lambda: example(root))):
        if mark in text:
            text = text.replace(mark, make())
    with open(output, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
