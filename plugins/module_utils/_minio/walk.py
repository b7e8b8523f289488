"""Lists what a drive holds: a shell script that runs in the drive's pod, and what comes back.

The script needs sh, stat, head and base64, which the images of MinIO have; those have neither find nor tar nor Python. It sends the names and
sizes of files and the begin of each metadata file, in batches, each encoded as text: the API server's exec carries text alone, and a
name may hold any byte. It writes nothing.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError

# Files of one batch, and the first bytes of a metadata file that are sent: enough for three versions without data.
BATCH = 200
FIRST_BYTES = 2048
METADATA = ("xl.meta", "xl.json")

# $1: bytes of each metadata file. $2: `drive` to list the buckets and MinIO's own configuration of a drive, `folders` for given folders.
SCRIPT = r"""
export LC_ALL=C
bytes=$1 mode=$2 count=0 list= metas=
shift 2
for tool in stat head base64; do
  command -v $tool >/dev/null 2>&1 || { echo "there is no program $tool" >&2; exit 3; }
done
send() {
  [ $count -gt 0 ] || return 0
  eval "set -- $list"
  sizes=$(stat -c %s -- "$@" 2>/dev/null) || sizes=$(for f do stat -c %s -- "$f" 2>/dev/null || echo -1; done)
  echo +
  { printf '%d\n%s\n' $# "$sizes"; printf '%s\0' "$@"; [ -z "$metas" ] || eval "head -q -c $bytes -- $metas" 2>/dev/null; } | base64
  echo .
  count=0 list= metas=
}
add() {
  count=$((count + 1))
  eval "p$count=\$1"
  list="$list \"\$p$count\""
  case $1 in */xl.meta|*/xl.json) metas="$metas \"\$p$count\"" ;; esac
  [ $count -lt BATCH ] || send
}
walk() {
  [ -e "$1" ] || return 0
  if [ ! -r "$1" ] || [ ! -x "$1" ]; then echo '!'; printf '%s' "$1" | base64; echo .; return 0; fi
  for f in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -h "$f" ]; then :
    elif [ -d "$f" ]; then walk "$f"
    elif [ -f "$f" ]; then add "$f"
    fi
  done
}
for top do
  if [ "$mode" = folders ]; then walk "$top"; continue; fi
  [ -r "$top/.minio.sys/format.json" ] || { echo "$top holds no drive of MinIO" >&2; exit 4; }
  for b in "$top"/* "$top"/.minio.sys/config "$top"/.minio.sys/buckets/*/.metadata.bin; do
    case $b in */lost+found) ;; *) [ ! -d "$b" ] || walk "$b" ;; esac
  done
done
send
echo end
""".replace("BATCH", str(BATCH))


class Entry(t.NamedTuple):
    """A file of a drive: path, size in bytes, and the begin of its content if it is metadata; `torn` if it changed while it was read."""

    path: str
    size: int
    content: bytes = b""
    torn: bool = False


class Unreadable(HaError):
    """A folder of a drive can't be listed."""


def command(paths: t.Sequence[str], *, whole: bool, first_bytes: int = FIRST_BYTES) -> t.List[str]:
    """The command for a pod: lists whole drives, or folders."""
    return ["sh", "-c", SCRIPT, "sh", str(first_bytes), "drive" if whole else "folders", *paths]


def entries(lines: t.Iterable[str], *, first_bytes: int = FIRST_BYTES) -> t.Iterator[t.List[Entry]]:
    """The batches in the script's output. Raises Unreadable for a folder, and HaError where the output ends early or is not the script's."""
    kind, text = "", []  # type: t.Tuple[str, t.List[str]]
    for line in lines:
        line = line.rstrip("\r\n")
        if not kind and line == "end":
            return
        if not kind:
            if line not in ("+", "!"):
                raise HaError("the listing of a drive is not in its form: {0}".format(line[:100]))
            kind = line
        elif line != ".":
            text.append(line)
        else:
            try:
                data = base64.b64decode("".join(text), validate=True)
            except ValueError as exc:
                raise HaError("the listing of a drive is not in its form: {0}".format(exc)) from exc
            if kind == "!":
                raise Unreadable("the folder {0} can't be read".format(data.decode("utf-8", "replace")))
            yield _batch(data, first_bytes)
            kind, text = "", []
    raise HaError("the listing of a drive ended early")


def _batch(data: bytes, first_bytes: int) -> t.List[Entry]:
    head, _, rest = data.partition(b"\n")
    try:
        count = int(head)
        numbers = []
        for _ in range(count):
            number, _, rest = rest.partition(b"\n")
            numbers.append(int(number))
    except ValueError as exc:
        raise HaError("the listing of a drive is not in its form: {0}".format(exc)) from exc
    names = rest.split(b"\0", count)
    if len(names) != count + 1:
        raise HaError("the listing of a drive is not in its form: {0} names of {1}".format(len(names) - 1, count))
    content = names.pop()
    paths = [name.decode("utf-8", "surrogateescape") for name in names]
    lengths = [min(max(size, 0), first_bytes) if is_metadata(path) else 0 for path, size in zip(paths, numbers)]
    # A file that was replaced after its size was read shifts the ones behind it, so the whole batch is read again later.
    torn = sum(lengths) != len(content)
    found, at = [], 0
    for path, size, length in zip(paths, numbers, lengths):
        found.append(Entry(path, size, b"" if torn else content[at : at + length], torn and is_metadata(path)))
        at += length
    return [entry for entry in found if entry.size >= 0]


def is_metadata(path: str) -> bool:
    """Whether a file is the metadata of an object."""
    return path.rsplit("/", 1)[-1] in METADATA
