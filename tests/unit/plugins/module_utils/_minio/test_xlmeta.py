# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import struct
import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.msgpack import Cut, decode
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.xlmeta import parse, sizes
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_drives import RELEASES, recorded
from hypothesis import given
from hypothesis import strategies as st


def metadata(release: str, key: str, drive: str = "d1") -> bytes:
    return base64.b64decode(recorded(release)[drive][key + "/xl.meta"]["content"])


@pytest.mark.parametrize("release", RELEASES)
def test_a_large_object_names_the_files_of_its_parts(release: str) -> None:
    (version,) = parse(metadata(release, "onecloud-images/image-5"), name="xl.meta").versions
    assert (version.data, version.parity, version.size, version.version) == (2, 2, (12 << 20) + 17, "")
    files = recorded(release)["d1"]
    assert version.files
    for path, wanted in version.files:
        assert files[f"onecloud-images/image-5/{path}"]["size"] in wanted


@pytest.mark.parametrize("release", RELEASES)
def test_a_small_object_is_in_its_metadata(release: str) -> None:
    meta = parse(metadata(release, "onecloud-images/image-1"), name="xl.meta")
    size = recorded(release)["d1"]["onecloud-images/image-1/xl.meta"]["size"]
    # A drive that was healed by a release of 2021 has a file in its place.
    assert len(meta.versions[0].files) == 1
    assert 0 < meta.versions[0].inline <= size - meta.length


@pytest.mark.parametrize("release", RELEASES)
def test_every_version_is_found_and_a_delete_marker_is_told_apart(release: str) -> None:
    found = parse(metadata(release, "vers/a"), name="xl.meta").versions
    assert len({version.version for version in found}) == 3
    assert sorted(version.size for version in found) == [300_000, 600_000, 900_000]
    kinds = [version.marker for version in parse(metadata(release, "vers/gone"), name="xl.meta").versions]
    assert sorted(kinds) == [False, True]


@pytest.mark.parametrize("release", RELEASES)
def test_each_drive_has_a_part_of_its_own(release: str) -> None:
    places = {
        parse(metadata(release, "onecloud-images/image-5", f"d{n}"), name="xl.meta").versions[0].place for n in range(4)
    }
    assert places == {1, 2, 3, 4}


@pytest.mark.parametrize("release", RELEASES)
def test_metadata_that_is_cut_is_told_apart_from_unusable(release: str) -> None:
    whole = metadata(release, "vers/a")
    for length in (0, 3, 7, 9, 40, 300):
        with pytest.raises(Cut):
            parse(whole[:length], name="xl.meta")
    with pytest.raises(ValueError, match="does not begin"):
        parse(b"\0" * 500, name="xl.meta")
    with pytest.raises(ValueError, match="not known"):
        parse(whole[:4] + struct.pack("<HH", 9, 9) + whole[8:], name="xl.meta")


@given(st.binary(max_size=300))
def test_any_bytes_are_metadata_or_a_value_error(noise: bytes) -> None:
    for content in (noise, b"XL2 1   " + noise, b"XL2 \x01\x00\x02\x00" + noise, b"XL2 \x01\x00\x03\x00" + noise):
        for name in ("xl.meta", "xl.json"):
            try:
                parse(content, name=name)
            except ValueError:
                continue


FIRST: dict[str, t.Any] = {
    "version": "1.0.1",
    "format": "xl",
    "stat": {"size": 30, "modTime": "2020-01-02T03:04:05Z"},
    "erasure": {
        "algorithm": "klauspost/reedsolomon/vandermonde",
        "data": 2,
        "parity": 2,
        "blockSize": 10485760,
        "index": 3,
    },
    "parts": [{"number": 1, "name": "part.1", "size": 30, "actualSize": 30}],
}


def test_metadata_of_before_2020_is_read() -> None:
    """Made by hand after MinIO's source; no release of that time was run."""
    (version,) = parse(json.dumps(FIRST).encode(), name="xl.json").versions
    assert (version.data, version.place, version.files) == (2, 3, (("part.1", frozenset((15, 47))),))
    with pytest.raises(ValueError, match="impossible"):
        parse(json.dumps({**FIRST, "erasure": {**FIRST["erasure"], "data": 0}}).encode(), name="xl.json")
    with pytest.raises(ValueError, match="KeyError"):
        parse(b"{}", name="xl.json")


@pytest.mark.parametrize(
    ("size", "data", "block", "wanted"),
    [(0, 2, 1 << 20, {0}), (1, 2, 1 << 20, {1, 33}), (3 << 20, 2, 1 << 20, {3 << 19, (3 << 19) + 96})],
)
def test_a_part_is_cut_into_blocks_with_a_checksum_each(size: int, data: int, block: int, wanted: set[int]) -> None:
    assert sizes(size=size, data=data, block=block) == wanted


@pytest.mark.parametrize(
    ("packed", "value"),
    [
        (b"\x07", 7),
        (b"\xff", -1),
        (b"\xc0", None),
        (b"\xc3", True),
        (b"\xcd\x01\x00", 256),
        (b"\xd1\xff\x00", -256),
        (b"\xa2hi", "hi"),
        (b"\xd9\x02hi", "hi"),
        (b"\xc4\x02hi", b"hi"),
        (b"\x92\x01\x02", [1, 2]),
        (b"\x81\xa1a\x01", {"a": 1}),
        (b"\xde\x00\x01\xa1a\x01", {"a": 1}),
        (b"\xd5\x05\x01\x02", b"\x01\x02"),
        (b"\xc7\x02\x05\x01\x02", b"\x01\x02"),
    ],
)
def test_each_form_of_messagepack_is_read(packed: bytes, value: t.Any) -> None:
    assert decode(packed) == (value, len(packed))
    with pytest.raises(ValueError, match="cut"):
        decode(packed[:-1])


def test_messagepack_that_nests_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="nested"):
        decode(b"\x91" * 5000)


@pytest.mark.parametrize("content", [b"[" * 200000, b"\xff", b"{", b"null", b"[]", b'{"stat": []}'])
def test_metadata_of_before_2020_that_is_none_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(content, name="xl.json")
