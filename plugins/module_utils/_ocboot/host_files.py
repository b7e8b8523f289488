"""The files of a survivor that ocboot overwrites: reading them without secrets, and copying them before the run."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import hashlib
import os
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    HOST_BACKUPS,
    K3S_CONFIG,
    K3S_ENVIRONMENT,
    K3S_MANIFESTS,
    K3S_REGISTRIES,
    K3S_TOKEN,
    K3S_UNIT_FILE,
    PROVIDERS,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.output import masked

HOST_CONF = "/etc/yunion/host.conf"
DOCKER = "/etc/docker/daemon.json"
# The token that ocboot joins K3s with. It is fixed in ocboot's source.
K3S_JOIN_TOKEN = "mytoken@yunionio"  # noqa: S105
_LARGEST = 1024 * 1024


def written_by_ocboot(provider: str) -> t.Dict[str, str]:
    """{kind: path} of the files that a run overwrites on a survivor. Raises HaError for a provider that ocboot does not support."""
    if provider not in PROVIDERS:
        raise HaError("ocboot does not support the control plane {0!r}".format(provider))
    found = {"host_conf": HOST_CONF, "keepalived": PROVIDERS[provider].keepalived_manifest}
    if provider == "k3s":
        found.update(
            config=K3S_CONFIG,
            unit=K3S_UNIT_FILE,
            environment=K3S_ENVIRONMENT,
            registries=K3S_REGISTRIES,
            calico=K3S_MANIFESTS + "/calico.yaml",
        )
    else:
        found.update(docker=DOCKER)
    return found


def read(provider: str, root: str = "/") -> t.Dict[str, Json]:
    """{kind: {path, sha256, text}}; sum and text are empty for a missing file. Secrets are masked in the text; the sum is of the unmasked file.

    Raises HaError for a file that can't be read or is larger than 1 MiB.
    """
    found = {}
    for what, path in written_by_ocboot(provider).items():
        content = _content(_under(root, path))
        text = "" if content is None else masked(content.decode("utf-8", "replace"))
        found[what] = {"path": path, "sha256": "" if content is None else _sum(content), "text": text}
    return found


def token_known(root: str = "/") -> t.Optional[bool]:
    """Whether this K3s server's token is ocboot's; None without a token file. The file holds K10<sum>::<user>:<token>, or the token alone."""
    content = _content(_under(root, K3S_TOKEN))
    if content is None:
        return None
    token = content.decode("utf-8", "replace").strip()
    return token.rpartition("::")[2].partition(":")[2] == K3S_JOIN_TOKEN if "::" in token else token == K3S_JOIN_TOKEN


def save(provider: str, name: str, root: str = "/", *, check_mode: bool = False) -> t.List[t.Tuple[str, str]]:
    """Copy the files to HOST_BACKUPS/ocboot-NAME, mode 0600; return (from, to) of those copied.

    An existing copy is kept: it was made before the first of several runs. Raises HaError when a copy can't be written.
    """
    saved = []
    folder = _under(root, os.path.join(HOST_BACKUPS, "ocboot-" + name.replace("/", "_")))
    for path in written_by_ocboot(provider).values():
        target = os.path.join(folder, path.strip("/").replace("/", "_"))
        content = _content(_under(root, path))
        if content is None or os.path.exists(target):
            continue
        saved.append((path, target))
        if not check_mode:
            _write(target, content)
    return saved


def _write(target: str, content: bytes) -> None:
    try:
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        partial = target + ".partial"
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(content)
        os.rename(partial, target)
    except OSError as exc:
        raise HaError("{0} can't be written: {1}".format(target, exc.strerror or exc)) from exc


def _content(path: str) -> t.Optional[bytes]:
    try:
        with open(path, "rb") as stream:
            content = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise HaError("{0} can't be read: {1}".format(path, exc.strerror or exc)) from exc
    if len(content) > _LARGEST:
        raise HaError("{0} is larger than {1} bytes".format(path, _LARGEST))
    return content


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _under(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))
