# SPDX-License-Identifier: GPL-3.0-or-later
"""On folders that hold what was recorded of real drives of both releases, listed by the real script."""

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import look
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.parts import Key, Left, folder_of
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.xlmeta import parse
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_drives import RELEASES, drives, survivors


@pytest.fixture(params=RELEASES)
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return drives(tmp_path, request.param)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look.time, "sleep", lambda _seconds: None)


def left(folder: Path, **more: t.Any) -> dict[Key, Left]:
    found = survivors(folder, **more)
    found.look()
    assert found.complete
    return dict(found.parts.left())


def few(folder: Path, *lost: int) -> dict[str, int]:
    return {
        f"{key[0]}/{key[1]}": value.parts
        for key, value in left(folder, lost=lost).items()
        if value.parts < value.needed
    }


def test_whole_drives_have_all_parts_of_each_version(folder: Path) -> None:
    found = left(folder)
    versions = {key for key, value in found.items() if value.needed}
    assert all(found[key].parts == found[key].total == 4 for key in versions)
    assert any(key[:2] == ("vers", "x/") for key in versions)
    assert len([key for key in versions if key[:2] == ("vers", "a")]) == 3
    assert len(found) - len(versions) == 1, "the delete marker"


def test_with_two_drives_lost_every_version_still_has_enough(folder: Path) -> None:
    assert few(folder, 0, 3) == {}
    assert {value.parts for value in left(folder, lost=(0, 3)).values() if value.needed} == {2}


def test_metadata_on_one_of_three_drives_is_named(folder: Path) -> None:
    for drive in ("d1", "d2"):
        shutil.rmtree(folder / drive / "onecloud-images/image-5")
    assert few(folder, 0) == {"onecloud-images/image-5": 1}


@pytest.mark.parametrize("name", ["image-1", "image-3", "image-5"])
def test_with_two_drives_lost_an_object_on_one_drive_is_named(folder: Path, name: str) -> None:
    shutil.rmtree(folder / "d1/onecloud-images" / name)
    assert few(folder, 0, 3) == {f"onecloud-images/{name}": 1}


def test_a_part_that_is_gone_cut_or_of_another_length_does_not_count(folder: Path) -> None:
    (part,) = sorted((folder / "d1/onecloud-images/image-4").glob("*/part.1"))
    content = part.read_bytes()
    for broken in (content[:1000], content + b"x", b"", None):
        part.unlink() if broken is None else part.write_bytes(broken)
        assert few(folder, 0, 3) == {"onecloud-images/image-4": 1}
    part.write_bytes(content)
    assert few(folder, 0, 3) == {}


def test_data_inside_metadata_that_is_cut_does_not_count(folder: Path) -> None:
    path = folder / "d1/onecloud-images/image-1/xl.meta"
    path.write_bytes(path.read_bytes()[:-20])
    assert few(folder, 0, 3) == {"onecloud-images/image-1": 1}


def test_a_file_in_place_of_data_inside_the_metadata_counts(folder: Path) -> None:
    """As the release of June 2021 heals objects of 128 to 256 KiB: the metadata says that the data is inside, and it is in a file. It reads them so."""
    metadata = folder / "d1/onecloud-images/image-1/xl.meta"
    meta = parse(metadata.read_bytes(), name="xl.meta")
    ((path, wanted),) = meta.versions[0].files
    metadata.write_bytes(metadata.read_bytes()[: meta.length])
    assert few(folder, 0, 3) == {"onecloud-images/image-1": 1}
    part = metadata.parent / path
    part.parent.mkdir()
    part.write_bytes(b"x" * max(wanted))
    assert few(folder, 0, 3) == {}
    assert left(folder)[("onecloud-images", "image-1", "")].parts == 4
    part.write_bytes(b"x" * (max(wanted) + 1))
    assert few(folder, 0, 3) == {"onecloud-images/image-1": 1}


def test_metadata_that_is_no_metadata_does_not_count(folder: Path) -> None:
    for drive in ("d1", "d2"):
        path = folder / drive / "onecloud-images/image-5/xl.meta"
        path.write_bytes(b"\0" * path.stat().st_size)
        assert few(folder, 0, 3) == {"onecloud-images/image-5": 1 if drive == "d1" else 0}


def test_data_without_any_metadata_is_named(folder: Path) -> None:
    for drive in ("d1", "d2"):
        (folder / drive / "onecloud-images/image-5/xl.meta").unlink()
    assert few(folder, 0, 3) == {"onecloud-images/image-5": 0}


def test_versions_that_differ_between_drives_do_not_add_up(folder: Path) -> None:
    """An object that was overwritten while a drive was away has one part of each content."""
    shutil.copytree(folder / "d1/onecloud-images/image-4", folder / "d1/onecloud-images/image-5", dirs_exist_ok=True)
    assert few(folder, 0, 3) == {"onecloud-images/image-5": 1}


def test_metadata_longer_than_its_first_bytes_is_read_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        look.walk, "command", lambda paths, whole, first_bytes=60: command(paths, whole=whole, first_bytes=first_bytes)
    )
    monkeypatch.setattr(look.walk, "entries", lambda lines, first_bytes=60: entries(lines, first_bytes=first_bytes))
    assert few(folder) == {}
    assert {value.parts for value in left(folder).values() if value.needed} == {4}


command, entries = look.walk.command, look.walk.entries


def test_a_drive_that_can_t_be_listed_is_kept_with_its_error(folder: Path) -> None:
    found = survivors(folder, lost=[0], refused=[2])
    found.look()
    assert not found.complete
    assert [(item.pod, bool(item.error)) for item in found.looked] == [
        ("minio-1", False),
        ("minio-2", True),
        ("minio-3", False),
    ]


def test_more_objects_than_the_limit_are_not_counted(folder: Path) -> None:
    found = survivors(folder, max_objects=3)
    found.look()
    assert any("more than the limit of 3 objects" in item.error for item in found.looked)


@pytest.mark.parametrize(("key", "folder_"), [("a", "b/a"), ("x/", "b/x__XLDIR__"), ("x/y/", "b/x/y__XLDIR__")])
def test_a_key_that_ends_in_a_slash_has_a_folder_of_its_own(key: str, folder_: str) -> None:
    assert folder_of("b", key) == folder_


def test_what_a_healed_drive_lacks_is_seen_while_another_drive_is_still_lost(folder: Path) -> None:
    shutil.rmtree(folder / "d0/onecloud-images/image-5")
    found = left(folder, lost=[3])
    lacking = {key[1] for key, value in found.items() if value.needed and value.parts < value.total}
    assert lacking == {"image-5"}
    assert few(folder, 3) == {}
