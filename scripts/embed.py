#!/usr/bin/python3
"""Files become constants of the program, as they are and compressed.

    scripts/embed.py OUT.c NAME=FILE ...

NAME is the path under which the file is served. Compression is without time and name, so the
same files give the same program.
"""
import gzip
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml",
    ".png": "image/png", ".ico": "image/x-icon", ".txt": "text/plain; charset=utf-8",
}


def array(name, data):
    rows = [", ".join(str(b) for b in data[i:i + 24]) for i in range(0, len(data), 24)]
    return f"static const unsigned char {name}[] = {{\n\t" + ",\n\t".join(rows or ["0"]) + "\n};\n"


def main():
    out, pairs = sys.argv[1], [p.split("=", 1) for p in sys.argv[2:]]
    text = ['/* Written by scripts/embed.py. */\n#include "web/embedded.h"\n']
    table = []
    for n, (path, file) in enumerate(pairs):
        with open(file, "rb") as f:
            data = f.read()
        packed = gzip.compress(data, 9, mtime=0)
        text += [array(f"plain{n}", data), array(f"gzip{n}", packed)]
        kind = TYPES[os.path.splitext(path)[1]]
        table.append(f'\t{{ "{path}", "{kind}", plain{n}, gzip{n}, {len(data)}, {len(packed)} }},')
    text.append("const struct embedded embedded_file[] = {\n" + "\n".join(table) + "\n};\n")
    text.append("const size_t embedded_files = sizeof(embedded_file) / sizeof(embedded_file[0]);\n")
    with open(out, "w", encoding="ascii") as f:
        f.write("\n".join(text))


if __name__ == "__main__":
    main()
