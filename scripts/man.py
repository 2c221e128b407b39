#!/usr/bin/python3
"""Fill the manual pages' @COMMANDS@, @VERDICTS@, @CAUSES ...@, @METRICS@, @EVENTS@ and @EXAMPLE@ from the tables,
and @DOCDIR@.

    scripts/man.py TEMPLATE OUTPUT DUMP SOURCE-ROOT DOCDIR

DUMP is the program that prints the command table, one "path<TAB>synopsis<TAB>help" a line; DOCDIR is where
the documents are installed.
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


def metrics(root, macro):
    """As text has them: the samples' names."""
    suffix = {"COUNTER": "_total", "INFO": "_info"}
    text = open(os.path.join(root, "src/metrics/metrics.def")).read()
    out = []
    for kind, name, labels, sentence in re.findall(
            rf'^{macro}\(\w+, (\w+), "(\w+)", "\w*", "([^"]*)", "([^"]*)"\)$', text, re.M):
        out.append(f".It Li sixxsd_{name}{suffix.get(kind, '')}" + (f" Pq {labels}" if labels else ""))
        out.append(escape(f"{sentence} ({kind.lower()})."))
    return "\n".join(out)


def causes(root, part):
    """Of one part of the table, in the order in which they are told."""
    text = open(os.path.join(root, "src/why/cause.def")).read()
    text = re.search(rf"^/\* ---- {part} ---- \*/$(.*?)(?=^/\* ----|\Z)", text, re.M | re.S)[1]
    rows = re.findall(r'^CAUSE\((\w+),\s*(\w+),\s*(\d+),\s*"([^"]+)"\)', text, re.M)
    rows.sort(key=lambda row: -int(row[2]))
    return "\n".join(f".It {n} Ta {severity.lower()} Ta {escape(s)}" for n, severity, _, s in rows)


def events(root):
    text = open(os.path.join(root, "src/table/event.def")).read()
    rows = re.findall(r'^EVENT\(\w+,\s*"(\w+)",\s*"([^"]*)",\s*"([^"]+)"\)', text, re.M)
    return "\n".join(f".It {n}" + (f" Pq {f}" if f else "") + "\n" + escape(s[:1].upper() + s[1:] + ".")
                     for n, f, s in rows)


def example(root):
    text = open(os.path.join(root, "examples/sixxsd.conf")).read().rstrip()
    return "\n".join(escape(line) for line in text.splitlines())


def main():
    template, output, dump, root, docdir = sys.argv[1:]
    text = open(template).read()
    for mark, make in (("@COMMANDS@", lambda: commands(dump)), ("@VERDICTS@", lambda: verdicts(root)),
                       ("@METRICS@", lambda: metrics(root, "METRIC")),
                       ("@METRICS_TUNNELS@", lambda: metrics(root, "METRIC_TUNNEL")),
                       ("@CAUSES OF A TUNNEL@", lambda: causes(root, "a tunnel")),
                       ("@CAUSES OF THE POP@", lambda: causes(root, "the PoP")),
                       ("@EVENTS@", lambda: events(root)),
                       ("@EXAMPLE@", lambda: example(root)),
                       ("@DOCDIR@", lambda: escape(docdir))):
        if mark in text:
            text = text.replace(mark, make())
    with open(output, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
