# SPDX-License-Identifier: GPL-3.0-or-later
"""ocboot's output and the survivors' files without the secrets in them."""

from __future__ import annotations

import json
import urllib.parse

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import output
from hypothesis import assume, given, settings
from hypothesis import strategies as st

DATABASE, WEB = "0neC1oudDB#'\"\\ü", "yes{{ x }}"
CONFIG = "primary_master_node:\n  db_password: {0}\n  onecloud_user_password: {1}\nmaster_nodes:\n".format(
    output.yaml_value(DATABASE), output.yaml_value(WEB)
)


SPELLINGS = [
    lambda secret: secret,
    repr,
    ascii,
    json.dumps,
    lambda secret: json.dumps(secret, ensure_ascii=False),
    lambda secret: json.dumps({"out": json.dumps({"x": secret})}),
    lambda secret: repr({"x": repr(secret)}),
    lambda secret: yaml.safe_dump({"x": secret}, width=10**6),
    lambda secret: yaml.safe_dump({"x": secret}, width=10**6, allow_unicode=True),
    lambda secret: yaml.safe_dump({"x": secret + " tail of words"}, width=10),
    lambda secret: "'" + secret.replace("'", "'\\''") + "'",
    lambda secret: urllib.parse.quote(secret, safe=""),
    urllib.parse.quote_plus,
]


@given(
    st.one_of(
        st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=4),
        st.text(alphabet="aä€😀'\"\\{}% #$&+/", min_size=4),
    ),
    st.sampled_from(range(len(SPELLINGS))),
)
@settings(max_examples=300, deadline=None)
def test_a_secret_is_masked_however_it_is_spelled(secret: str, spelling: int) -> None:
    assume(secret.strip() == secret and len(set(secret)) > 2)
    text = SPELLINGS[spelling](secret)
    assume(text not in ("", secret[:1]))
    shown = output.masked("before " + text + " after", [secret])
    assert output.MASK in shown
    assert secret not in shown.replace(output.MASK, "")
    assert shown.startswith("before")
    assert shown.endswith("after")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("db_password: s3cret words", "s3cret words"),
        ("{'db_password': 's3\\'cret', 'x': 1}", "s3"),
        ('{"ch_password": "s3cret", "y": 2}', "s3cret"),
        ('  - name: KEEPALIVED_PASSWORD\n    value: "s3cret"\n', "s3cret"),
        ("ExecStart=k3s server --token \\\n 's3cret' \\\n --disable servicelb", "s3cret"),
        ("K3S_TOKEN=s3cret", "s3cret"),
        ("token: s3cret\ntoken-file: /x", "s3cret"),
        ('out: {\\"db_password\\": \\"s3cret\\"}', "s3cret"),
        ("\x1b[0;31mdb_password: s3cret\x1b[0m", "s3cret"),
        ("kubeadm join --certificate-key s3cret", "s3cret"),
    ],
)
def test_what_stands_after_a_word_for_a_secret_is_masked(text: str, hidden: str) -> None:
    assert hidden not in output.masked(text)


def test_what_is_no_secret_is_left_readable() -> None:
    text = "TASK [Get token for the node]\nok: [192.0.2.14]\nthe password was not accepted\ncluster-cidr: 10.40.0.0/16"
    assert output.masked(text, ["other"]) == text


def test_a_masked_file_is_still_yaml() -> None:
    text = 'token: abc\nnode-label:\n  - a=b\nkube-apiserver-arg: ["token-auth-file=/x"]\ncluster-cidr: 10.40.0.0/16\n'
    found = yaml.safe_load(output.masked(text))
    assert found["token"] == output.MASK
    assert found["cluster-cidr"] == "10.40.0.0/16"


def test_passwords_are_found_in_what_is_rendered() -> None:
    assert output.secrets_in(CONFIG) == (DATABASE, WEB)


def test_differences_tell_what_changed_and_no_secret() -> None:
    def file(text: str, digest: str) -> dict[str, str]:
        return {"path": "/x", "sha256": digest, "text": text}

    before = {
        "/a": file("one\ntwo", "1"),
        "/b": file("same", "2"),
        "/c": file("token: (hidden)", "3"),
        "/d": file("x", "4"),
    }
    after = {
        "/a": file("one\n2", "5"),
        "/b": file("same", "2"),
        "/c": file("token: (hidden)", "6"),
        "/e": file("y", "7"),
    }
    found = {item["path"]: (item["change"], item["lines"][1:]) for item in output.differences(before, after)}
    assert found == {
        "/a": ("changed", ["-two", "+2"]),
        "/c": ("changed", []),
        "/d": ("removed", ["-x"]),
        "/e": ("new", ["+y"]),
    }
