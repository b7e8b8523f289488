# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: proving a file whole, and taking one, on a stand-in for etcd and real files."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import KUBEADM
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import CommandFailed, HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd import snapshot as etcd_snapshot
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.client import EtcdClient
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.snapshot import inspect, take
from ansible_collections.cloudpods.ha.tests.unit.plugins.module_utils.stand_in_etcd import StandInEtcd, snapshot_bytes
from hypothesis import given
from hypothesis import strategies as st


class Host:
    """A host with a data folder of etcd, a folder for backups, and a stand-in for its etcd."""

    def __init__(self, root: Path) -> None:
        self.data = root / "etcd"
        self.data.mkdir()
        self.backups = root / "backups" / "deep"
        self.etcd = StandInEtcd()
        provider = KUBEADM._replace(scratch=str(self.data))
        self.client = EtcdClient(run=self.etcd, provider=provider, node_name="master-2", node_ip="203.0.113.12")

    def leftovers(self) -> list[Path]:
        return sorted([*self.data.iterdir(), *(self.backups.iterdir() if self.backups.is_dir() else ())])


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def written(folder: Path, content: bytes) -> str:
    path = folder / "file.db"
    path.write_bytes(content)
    return str(path)


def test_a_whole_snapshot_is_valid(tmp_path: Path) -> None:
    content = snapshot_bytes()
    found = inspect(written(tmp_path, content))
    assert (found.exists, found.valid, found.error) == (True, True, "")
    assert found.size_bytes == len(content) == 40 * 512 + 32
    assert found.sha256 == hashlib.sha256(content).hexdigest()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    found = inspect(str(tmp_path / "none.db"))
    assert (found.exists, found.valid) == (False, False)
    assert "there is no file" in found.error


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 32,
        b"x" * 100 + hashlib.sha256(b"x" * 100).digest(),
        snapshot_bytes()[:-1],
        snapshot_bytes()[:-32],
        snapshot_bytes() + b"\0",
        b"Y" + snapshot_bytes()[1:],
        snapshot_bytes()[:-1] + b"Y",
    ],
    ids=[
        "empty",
        "hash alone",
        "no whole pages",
        "cut",
        "without hash",
        "longer",
        "first byte changed",
        "last byte changed",
    ],
)
def test_anything_else_is_not_valid(tmp_path: Path, content: bytes) -> None:
    found = inspect(written(tmp_path, content))
    assert found.exists
    assert not found.valid
    assert found.error


@given(st.integers(1, 6), st.integers(1, 700))
def test_the_hash_is_found_wherever_the_pieces_end(pages: int, piece: int) -> None:
    content = snapshot_bytes(pages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(etcd_snapshot, "_PIECE", piece)
        path = Path(os.environ.get("TMPDIR", "/tmp")) / "cloudpods-ha-test-{0}".format(os.getpid())
        try:
            path.write_bytes(content)
            assert inspect(str(path)).valid
        finally:
            path.unlink()


def test_a_snapshot_is_taken_verified_and_kept_from_others(host: Host) -> None:
    taken = take(host.client, directory=str(host.backups), name="before.db")
    kept = host.backups / "before.db"
    assert taken.path == str(kept)
    assert taken.revision == 21
    assert taken.sha256 == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert taken.size_bytes == kept.stat().st_size
    assert taken.taken.endswith("Z")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(host.backups.stat().st_mode) == 0o700
    assert host.leftovers() == [kept]


def test_where_etcdctl_sees_every_folder_a_snapshot_is_made_beside_where_it_stays(host: Host) -> None:
    host.client.provider = host.client.provider._replace(scratch="")
    snapshot = take(host.client, directory=str(host.backups))
    (saved,) = (argv for argv in host.etcd.calls if "save" in argv)
    assert Path(saved[-1]).parent == host.backups
    assert host.leftovers() == [Path(snapshot.path)]


def test_the_name_says_the_node_and_the_time(host: Host) -> None:
    taken = take(host.client, directory=str(host.backups))
    stamp = taken.taken.replace("-", "").replace(":", "")
    assert Path(taken.path).name == "etcd-master-2-{0}.db".format(stamp)


def test_a_folder_that_others_could_read_is_closed(host: Host) -> None:
    host.backups.mkdir(parents=True)
    host.backups.chmod(0o755)
    take(host.client, directory=str(host.backups))
    assert stat.S_IMODE(host.backups.stat().st_mode) == 0o700


def test_a_damaged_snapshot_is_not_kept(host: Host) -> None:
    host.etcd.snapshot_bytes = b"Y" + snapshot_bytes()[1:]
    with pytest.raises(HaError, match="not complete"):
        take(host.client, directory=str(host.backups), name="x.db")
    assert host.leftovers() == []


def test_a_snapshot_older_than_the_store_is_not_kept(host: Host) -> None:
    host.etcd.snapshot_revision = 20
    with pytest.raises(HaError, match="its revision is 20, the store was at 21"):
        take(host.client, directory=str(host.backups), name="x.db")
    assert host.leftovers() == []


def test_a_failing_etcdctl_leaves_nothing_behind(host: Host) -> None:
    def breaks(argv: list[str]) -> tuple[int, str, str]:
        if "save" in argv:
            Path(argv[-1] + ".part").write_bytes(b"half")
            return 1, "", "Error: rpc error\n"
        return host.etcd(argv)

    client = EtcdClient(run=breaks, provider=host.client.provider, node_name="master-2", node_ip="203.0.113.12")
    with pytest.raises(CommandFailed, match="snapshot save"):
        take(client, directory=str(host.backups), name="x.db")
    assert host.leftovers() == []


@pytest.mark.parametrize("name", ["../x.db", "sub/x.db", "/etc/x.db"])
def test_a_name_stays_in_its_folder(host: Host, name: str) -> None:
    with pytest.raises(HaError, match="not a plain file name"):
        take(host.client, directory=str(host.backups), name=name)
    assert host.etcd.calls == []


def test_an_earlier_snapshot_is_never_overwritten(host: Host) -> None:
    take(host.client, directory=str(host.backups), name="x.db")
    with pytest.raises(HaError, match="it exists"):
        take(host.client, directory=str(host.backups), name="x.db")


def test_a_full_disk_is_not_filled_further(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_snapshot, "_RESERVE", 1 << 60)
    with pytest.raises(HaError, match="MiB free"):
        take(host.client, directory=str(host.backups), name="x.db")
    assert "snapshot save" not in host.etcd.commands()


def test_remains_of_a_killed_run_are_cleaned_and_those_of_a_running_one_are_not(host: Host) -> None:
    old, new = (host.data / "cloudpods-ha-snapshot-{0}".format(age) for age in ("old", "new"))
    for path in (old, new, host.data / "member"):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    os.utime(host.data / "member", (1, 1))
    take(host.client, directory=str(host.backups), name="x.db")
    assert sorted(path.name for path in host.data.iterdir()) == ["cloudpods-ha-snapshot-new", "member"]
