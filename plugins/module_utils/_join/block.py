"""Notice files in place of lost volumes' folders on this host, which prevent a pod from starting on an empty folder."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import stat
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, Unsafe

# Every notice begins with these words, which identify it.
_HEAD = "cloudpods.ha: the volume of "
_NOTICE = (
    _HEAD
    + "{0} was here on the lost machine. This file prevents a pod from starting on an empty folder.\n"
    + "It is removed with the volume when its claim is recovered.\n"
)
# A volume's path comes from the cluster, and is written to as root: folders that belong to the system hold no volume.
_SYSTEM = (
    "/bin /boot /dev /etc /lib /lib32 /lib64 /libx32 /proc /root /run /sbin /sys /usr /var/cache /var/run /var/spool /var/lib/containerd"
    " /var/lib/docker /var/lib/dpkg /var/lib/etcd /var/lib/kubelet /var/lib/rancher /var/lib/rpm /var/lib/systemd"
).split()
_STORAGE = ("/var/lib/rancher/k3s/storage",)
_LONGEST = 4096
_FEWEST_PARTS = 2
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def block(volumes: t.Iterable[t.Mapping[str, str]], *, check_mode: bool = False) -> t.List[str]:
    """Write a notice at the path of each volume {path, claim}. Returns the paths that had none.

    All paths are checked before the first notice is written. Raises Unsafe when one of them has other content, HaError when a path can't be
    a volume's, also by the links that lead to it, or can't be written.
    """
    wanted: t.Dict[str, str] = {}
    for volume in volumes:
        path = normal(volume["path"])
        real = os.path.realpath(os.path.dirname(path)) + "/" + os.path.basename(path)
        if _is_systems(path) or _is_systems(real):
            where = "" if real == path else ", which is {0},".format(real)
            raise HaError(
                "{0!r}{1} is a folder of the system and can't be that of a lost volume; no notice was written. Delete the claim {2} if its "
                "data is lost, or take a replacement with another name".format(path, where, volume["claim"])
            )
        wanted.setdefault(path, volume["claim"])
    # A path below another notice is blocked already.
    paths = [path for path in wanted if not any(path.startswith(other + "/") for other in wanted)]
    found = {path: kind_at(path) for path in sorted(paths)}
    strange = ["{0} is {1}".format(path, kind) for path, kind in found.items() if kind not in ("", "our notice")]
    if strange:
        raise Unsafe(
            "REPLACEMENT_HAS_DATA",
            "Content exists at the path of a lost volume: {0}.".format(", ".join(strange)),
            "It may hold live data. Save it or move it away by hand, then run again.",
        )
    missing = sorted(path for path in paths if not found[path])
    if not check_mode:
        for path in missing:
            _write(path, _NOTICE.format(wanted[path]))
    return missing


def normal(path: str) -> str:
    """A volume's normalized path, for example without a trailing slash. Raises HaError for a path that can't be a volume's."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not path.startswith("/") or ".." in parts or "\0" in path or len(parts) < _FEWEST_PARTS:
        raise HaError("{0!r} can't be the folder of a lost volume; no notice was written".format(path))
    return "/" + "/".join(parts)


def _is_systems(path: str) -> bool:
    def below(folders: t.Iterable[str]) -> bool:
        return any(path == folder or path.startswith(folder + "/") for folder in folders)

    return below(_SYSTEM) and not below(_STORAGE)


def kind_at(path: str) -> str:
    """The content of a path: empty for none, 'our notice', else its kind. A link is not followed."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return ""
    except NotADirectoryError:
        return "below a file"
    except OSError as exc:
        return "not readable ({0})".format(exc.strerror)
    for is_kind, name in _KINDS:
        if is_kind(found.st_mode):
            return name
    if found.st_nlink == 1 and found.st_size <= _LONGEST and _read(path).startswith(_HEAD.encode()):
        return "our notice"
    return "a file"


def _read(path: str) -> bytes:
    try:
        # The path may have changed since the check: links are not followed, and pipes don't block.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            return stream.read(_LONGEST)
    except OSError:
        return b""


def _write(path: str, text: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444)
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
    except OSError as exc:
        raise HaError("{0} can't be written: {1}".format(path, exc.strerror or exc)) from exc
