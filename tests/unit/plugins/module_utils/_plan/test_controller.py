# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.controller import missing, packages


def test_requirements_are_read_without_their_comments() -> None:
    assert packages("# why\nkubernetes>=24.2.0\n\nminio >= 7.2  # S3\n") == {"kubernetes": "24.2.0", "minio": "7.2"}


@pytest.mark.parametrize("line", ["minio", "minio==7.2.0", "minio>=7,<8", "-r other.txt", "minio>=x"])
def test_a_requirement_of_another_form_is_not_passed_over(line: str) -> None:
    with pytest.raises(HaError, match="is not NAME>=VERSION"):
        packages(line)


@pytest.mark.parametrize("version", ["6.0.0", "6", "6.0", "6.0.1", "10.0.0", "6.1.0rc1", "6.0.0.post1", ""])
def test_what_is_new_enough_or_of_an_unknown_version_is_not_named(version: str) -> None:
    assert missing({"kubernetes.core": "6.0.0"}, {"kubernetes.core": version}, kind="collection") == []


def test_everything_that_lacks_is_named_with_what_it_has_to_be() -> None:
    needed = {"a": "1.0", "b": "6.0.0", "c": "1.10"}
    assert missing(
        needed, {"a": None, "b": "5.9.9", "c": "1.9"}, kind="Python package", where=" for /usr/bin/python3"
    ) == [
        "the Python package a (1.0 or later) for /usr/bin/python3",
        "the Python package b in 6.0.0 or later, not 5.9.9 for /usr/bin/python3",
        "the Python package c in 1.10 or later, not 1.9 for /usr/bin/python3",
    ]
    assert missing({"a": "1"}, {}, kind="collection") == ["the collection a (1 or later)"]
