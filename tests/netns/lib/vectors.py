"""The published vectors, tests/data/vectors/*.json."""
import json
import os

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "vectors")


def load(name):
    with open(os.path.join(DIRECTORY, name + ".json"), encoding="utf-8") as f:
        return json.load(f)


def octets(entry, field):
    return bytes.fromhex(entry[field])
