# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of the API and of the hosts as a record."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.inputs import host, read
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import K3S, arguments, each_provider, facts

MACHINE = {"host": "h", "name": "master-2", "ip": "192.0.2.12"}


def parse(text: str, _name: str) -> Any:
    return yaml.safe_load(text)


@each_provider
def test_the_record_has_the_values_of_the_answers(provider: str) -> None:
    record = read(parse=parse, **arguments(facts(provider)))
    assert [machine.holds_vip for machine in record.survivors] == [True, False]
    assert record.survivors[0].host_networks == ("eth0/br0/" + record.survivors[0].ip,)
    assert record.machines == (*record.survivors, record.replacement)
    assert record.checkout is not None
    assert record.k3s_token_known is (True if provider == K3S else None)


def test_survivors_that_differ_in_the_token_do_not_have_the_known_one() -> None:
    given = arguments(facts(K3S))
    given["files"][given["survivors"][1]["host"]]["k3s_token_known"] = False
    assert read(parse=parse, **given).k3s_token_known is False


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("skip_cloud", "false"),
        ("enable_minio", 1),
        ("registry_mirrors", "http://x"),
        ("onecloud_user_password", 12345),
        ("product_version", ["CMP"]),
    ],
)
def test_an_option_of_the_wrong_type_is_refused_without_its_value(option: str, value: Any) -> None:
    given = arguments(facts(K3S))
    given["options"][option] = value
    with pytest.raises(HaError, match=option + " must be") as caught:
        read(parse=parse, **given)
    assert str(value) not in str(caught.value).replace("true or false", "")


def test_an_option_without_a_value_is_not_given() -> None:
    given = arguments(facts(K3S))
    given["options"].update(skip_cloud=None, registry_mirrors=["http://x"])
    options = read(parse=parse, **given).options
    assert (options.skip_cloud, options.registry_mirrors) == (True, ("http://x",))


def test_the_settings_of_a_machine_go_before_its_host_conf() -> None:
    conf = {"networks": ["eth0/br0/192.0.2.12"], "local_image_path": ["/data"], "hugepages_option": "disable"}
    found = host({**MACHINE, "host_networks": "bond0/br0/192.0.2.12"}, conf=conf)
    assert (found.host_networks, found.disk_paths) == (("bond0/br0/192.0.2.12",), ("/data",))
    assert (found.hugepages, found.containerd) == (False, None)
    with pytest.raises(HaError, match="is not a mapping"):
        host(MACHINE, conf=["x"])
