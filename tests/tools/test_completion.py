"""
What Tab offers in bash for sixxsctl and sixxsd, with the files as built and nothing else loaded.
"""
import os
import re
import subprocess

import pytest

SIXXSD = os.path.abspath(os.environ.get("SIXXSD", "build/trap/src/sixxsd"))
BUILD = os.path.dirname(os.path.dirname(SIXXSD))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = {"sixxsctl": os.path.join(BUILD, "contrib/completion/sixxsctl"),
         "sixxsd": os.path.join(ROOT, "contrib/completion/sixxsd")}

# as bash does it: words are split at blanks and at some of its word breaks
ASK = """
. "$1"
while IFS= read -r COMP_LINE; do
	COMP_POINT=${#COMP_LINE}
	read -ra COMP_WORDS <<<"$(sed 's/[:=]\\+/ & /g' <<<"$COMP_LINE")"
	[[ $COMP_LINE != *\\  ]] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	"_$2" "$2" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	echo "${COMPREPLY[*]}"
done
"""


def ask(lines, cwd=None):
    """[words offered at the end of each line]"""
    program = lines[0].split()[0]
    done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", FILES[program], program], cwd=cwd,
                          input="".join(line + "\n" for line in lines), capture_output=True, text=True,
                          check=True)
    assert done.stderr == ""
    return [set(line.split()) for line in done.stdout.split("\n")[:-1]]


def offered(line, cwd=None):
    return ask([line], cwd)[0]


@pytest.fixture(scope="module")
def paths():
    dump = subprocess.run([os.path.join(BUILD, "doc/dump-commands")], capture_output=True, text=True,
                          check=True).stdout
    return [line.split("\t")[0].split() for line in dump.splitlines()]


def test_every_command_is_reached_word_by_word(paths):
    steps = [(" ".join(["sixxsctl", *p[:n], ""]), p[n]) for p in paths for n in range(len(p))]
    assert len(paths) > 50
    for (line, word), words in zip(steps, ask([line for line, _ in steps])):
        assert word in words, f"{line!r} offers {words}"


def test_nothing_but_commands_is_offered(paths):
    assert offered("sixxsctl ") == {p[0] for p in paths}
    assert offered("sixxsctl pop ") == {p[1] for p in paths if p[0] == "pop"}


@pytest.mark.parametrize("line, words", [
    ("sixxsctl tu", {"tunnel"}),
    ("sixxsctl cmd format ", {"json", "text"}),
    ("sixxsctl config d", {"diff"}),
    ("sixxsctl pop show th", {"threads"}),
    ("sixxsctl pop set off", {"offload"}),
    ("sixxsctl pop set offload o", {"on", "off"}),
    ("sixxsctl pop set workers ", {"auto"}),
    ("sixxsctl pop set http ", {"off"}),
    ("sixxsctl pop set http off ", set()),
    ("sixxsctl pop set token admin ", {"none"}),
    ("sixxsctl tunnel set token T1 ", {"none"}),
    ("sixxsctl tunnel capture ", {"all"}),
    ("sixxsctl tunnel capture T1 20 ", set()),
    ("sixxsctl pop set limits ", {"tunnels"}),
    ("sixxsctl pop set limits tunnels 100 ", {"subnets"}),
    ("sixxsctl pop cliacl r", {"remove", "reset"}),
    ("sixxsctl pop subnetprefix add 2001:db8::/40 ", {"delegate"}),
    ("sixxsctl pproxy set ", {"config"}),
    ("sixxsctl subnet re", {"remove"}),
    ("sixxsctl tunnel set debug 2001:db8:2ff:1::2 ", {"on", "off"}),
    ("sixxsctl tunnel set encap T1 g", {"gre"}),
    ("sixxsctl tunnel list e", {"erroronly"}),
    ("sixxsctl tunnel show ", set()),
    ("sixxsctl tunnel remove T1 ", set()),
    ("sixxsctl no such ", set()),
])
def test_commands_and_arguments(line, words):
    assert offered(line) == words


@pytest.mark.parametrize("options", ["-j", "-j6", "-s /run/sixxsd/control", "-h ::1 -p 42003", "-jh host"])
def test_commands_come_after_options(options):
    assert offered(f"sixxsctl {options} pop sh") == {"show", "shutdown"}


def test_files_where_files_go(tmp_path):
    (tmp_path / "good.conf").touch()
    (tmp_path / "other").touch()
    for line in ("sixxsctl config apply g", "sixxsctl -s g", "sixxsd -c g", "sixxsd --check g"):
        assert offered(line, tmp_path) == {"good.conf"}, line


@pytest.mark.parametrize("program", ["sixxsctl", "sixxsd"])
def test_the_options_are_those_of_help(program):
    exe = SIXXSD if program == "sixxsd" else os.path.join(BUILD, "src/client/sixxsctl")
    said = subprocess.run([exe, "--help"], capture_output=True, text=True, check=False).stdout
    told = set(re.findall(r"(?<![\w-])--?[A-Za-z0-9][a-z-]*", "\n".join(
        line[:27] for line in said.splitlines() if line.startswith("  "))))
    words = offered(f"{program} -")
    assert told <= words, told - words
    # sixxsctl's help tells of -V, not of its long form
    assert words - told <= {"--version"}
