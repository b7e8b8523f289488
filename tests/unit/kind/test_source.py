# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from kindlib import source

GO = """package nodeimage

const image = "docker.io/kindest/helper:v1"

// not a constant of text
const number = 3
const later = unknown + "x"
const manifest = `
kind: Pod
image: ` + image + `
command: ["sh"]
`
const (
	httpProxy = "HTTP_PROXY"
)
"""

DOCKERFILE = """\
ARG BASE_IMAGE=debian
FROM $BASE_IMAGE AS base
# COPY not/this /
COPY --chmod=0644 files/etc/* /etc/
RUN echo one \\
# in between
  && echo \\
     two
FROM --platform=x $BASE_IMAGE AS go-build
RUN elsewhere
FROM base AS build
RUN ctr oci spec
FROM scratch
COPY --from=build / /
"""


def test_constants_are_put_together_and_unknown_ones_left_out() -> None:
    found = source.constants(GO)
    assert found["image"] == "docker.io/kindest/helper:v1"
    assert found["manifest"] == '\nkind: Pod\nimage: docker.io/kindest/helper:v1\ncommand: ["sh"]\n'
    assert "later" not in found


def test_the_steps_of_a_stage_are_read_with_continued_lines_and_without_comments() -> None:
    base = [("COPY", "--chmod=0644 files/etc/* /etc/"), ("RUN", "echo one && echo two")]
    assert source.steps(DOCKERFILE, "base") == base
    assert source.steps(DOCKERFILE, "build") == [("RUN", "ctr oci spec")]
    assert source.steps(DOCKERFILE, "gone") == []
