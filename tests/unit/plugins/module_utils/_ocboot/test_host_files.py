# SPDX-License-Identifier: GPL-3.0-or-later
"""The survivors' files that ocboot writes: read, kept, compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import HOST_BACKUPS, K3S_TOKEN
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import host_files as files

CONF = "networks:\n- eth0/br0/192.0.2.12\nadmin_password: s3cret\n"


def put(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("provider", ["kubeadm", "k3s"])
def test_what_is_read_has_no_secret_and_what_is_missing_is_empty(tmp_path: Path, provider: str) -> None:
    put(tmp_path, files.HOST_CONF, CONF)
    found = files.read(provider, str(tmp_path))
    assert found["host_conf"]["path"] == files.HOST_CONF
    assert "eth0/br0/192.0.2.12" in found["host_conf"]["text"]
    assert "s3cret" not in str(found)
    assert len(found["host_conf"]["sha256"]) == 64
    assert {item["sha256"] for what, item in found.items() if what != "host_conf"} == {""}


def test_a_change_of_a_secret_alone_is_noticed(tmp_path: Path) -> None:
    put(tmp_path, files.HOST_CONF, CONF)
    before = files.read("k3s", str(tmp_path))["host_conf"]
    put(tmp_path, files.HOST_CONF, CONF.replace("s3cret", "other"))
    after = files.read("k3s", str(tmp_path))["host_conf"]
    assert before["text"] == after["text"]
    assert before["sha256"] != after["sha256"]


def test_a_copy_is_made_once_for_root_alone_and_never_written_over(tmp_path: Path) -> None:
    put(tmp_path, files.HOST_CONF, CONF)
    copy = tmp_path / HOST_BACKUPS.lstrip("/") / "ocboot-master-1" / "etc_yunion_host.conf"
    wanted = [(files.HOST_CONF, str(copy))]
    assert files.save("k3s", "master-1", str(tmp_path), check_mode=True) == wanted
    assert not copy.exists()
    assert files.save("k3s", "master-1", str(tmp_path)) == wanted
    put(tmp_path, files.HOST_CONF, "by ocboot")
    assert files.save("k3s", "master-1", str(tmp_path)) == []
    assert copy.read_text(encoding="utf-8") == CONF
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o700


def test_a_name_is_no_way_out_of_the_folder(tmp_path: Path) -> None:
    put(tmp_path, files.HOST_CONF, CONF)
    ((_source, target),) = files.save("k3s", "../../x", str(tmp_path), check_mode=True)
    assert Path(target).parent.parent == tmp_path / HOST_BACKUPS.lstrip("/")


@pytest.mark.parametrize(
    ("token", "known"),
    [
        ("K10{0}::server:mytoken@yunionio\n".format("ab" * 32), True),
        ("mytoken@yunionio", True),
        ("K10{0}::server:another\n".format("ab" * 32), False),
        ("another", False),
        ("K10{0}::server:mytoken@yunionio2".format("ab" * 32), False),
    ],
)
def test_the_token_is_compared_and_not_told(tmp_path: Path, token: str, known: bool) -> None:
    put(tmp_path, K3S_TOKEN, token)
    assert files.token_known(str(tmp_path)) is known


def test_no_token_is_not_taken_for_another_one(tmp_path: Path) -> None:
    assert files.token_known(str(tmp_path)) is None


def test_what_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / files.HOST_CONF.lstrip("/")).mkdir(parents=True)
    with pytest.raises(HaError, match="can't be read"):
        files.read("k3s", str(tmp_path))
    with pytest.raises(HaError, match="does not support the control plane"):
        files.written_by_ocboot("rke2")
