# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a volume is: its affinity as the scheduler reads it, the provisioner's note, and the kind of its source."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.volumes import Place, Site
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import volume_object
from hypothesis import given
from hypothesis import strategies as st

Json = dict[str, Any]
HOSTNAME = "kubernetes.io/hostname"
ANNOTATION = "local.path.provisioner/selected-node"
LOST = Site("master-1", "host-1")
OTHERS = tuple(
    Site(
        "master-{0}".format(n), "host-{0}".format(n), {HOSTNAME: "host-{0}".format(n), "topology.topolvm.io/node": name}
    )
    for n, name in ((2, "master-2"), (3, "master-3"))
)


def expression(key: str = HOSTNAME, *values: str, operator: str = "In") -> Json:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def volume(*terms: Json, annotated: str = "", source: Json | None = None) -> Json:
    spec: Json = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "claimRef": {"name": "data"},
        **(source or {"hostPath": {"path": "/data"}}),
    }
    if terms:
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": list(terms)}}
    return {
        "metadata": {"name": "pv", "uid": "u", "annotations": {ANNOTATION: annotated} if annotated else None},
        "spec": spec,
    }


def term(*expressions: Json, fields: list[Json] | None = None) -> Json:
    return {"matchExpressions": list(expressions), **({"matchFields": fields} if fields else {})}


def found(obj: Json, lost: Site = LOST, others: tuple[Site, ...] = OTHERS, **more: Any) -> tuple[str, ...]:
    return volumes.found_by(volumes.place(obj), lost, others, **more)


ON_LOST = term(expression(HOSTNAME, "host-1"))
ON_NAME = {"key": "metadata.name", "operator": "In", "values": ["master-1"]}
ZONES = [
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.example.org/rack",
    "topology.ebs.csi.aws.com/zone",
    "example.org/region",
]


@pytest.mark.parametrize(
    ("terms", "reasons"),
    [
        pytest.param([ON_LOST], ("affinity",), id="hostname label"),
        pytest.param([term(expression(HOSTNAME, "master-1"))], ("affinity",), id="the name in place of the label"),
        pytest.param([term(fields=[ON_NAME])], ("affinity",), id="field of the name"),
        pytest.param([term(fields=[{**ON_NAME, "values": ["host-1"]}])], (), id="the hostname label is not the name"),
        pytest.param([term(fields=[{**ON_NAME, "key": "metadata.uid"}])], (), id="another field"),
        pytest.param([term(expression("topology.topolvm.io/node", "master-1"))], ("affinity",), id="topolvm"),
        pytest.param([term(expression("openebs.io/nodename", "host-1"))], ("affinity",), id="openebs"),
        pytest.param([term(expression("openebs.io/nodename", "host-1", "host-9"))], (), id="one of two nodes"),
        pytest.param([term(expression("openebs.io/nodename"))], (), id="no value at all"),
        *(pytest.param([term(expression(key, "master-1"))], (), id=key) for key in ZONES),
        pytest.param(
            [term(expression(HOSTNAME, "host-1"), expression(ZONES[0], "z1"))], ("affinity",), id="and a zone"
        ),
        pytest.param([term(expression(HOSTNAME, "host-1", "host-2"))], (), id="two hosts"),
        pytest.param([term(expression(HOSTNAME, "host-1", operator="NotIn"))], (), id="not this host"),
        pytest.param([term(expression(HOSTNAME, operator="Exists"))], (), id="any host"),
        pytest.param(
            [term(expression(HOSTNAME, "host-1"), expression(HOSTNAME, "host-1", operator="NotIn"))],
            (),
            id="contradiction",
        ),
        pytest.param([term(expression(HOSTNAME, "host-2"), fields=[ON_NAME])], (), id="name and hostname of two nodes"),
        pytest.param([ON_LOST, term(fields=[ON_NAME])], ("affinity",), id="both terms name it"),
        pytest.param([ON_LOST, term(expression(HOSTNAME, "host-2"))], (), id="or on another"),
        pytest.param([ON_LOST, term(expression(ZONES[0], "z1"))], (), id="or in a zone"),
        pytest.param([ON_LOST, term()], (), id="or anywhere"),
        pytest.param([], (), id="no affinity"),
    ],
)
def test_a_volume_is_lost_when_every_term_names_the_lost_node_alone(
    terms: list[Json], reasons: tuple[str, ...]
) -> None:
    assert found(volume(*terms)) == reasons
    assert volumes.proven(reasons) == bool(reasons)
    # As well when no other Node is left to ask.
    assert found(volume(*terms), others=()) == reasons


def test_an_affinity_without_terms_is_none() -> None:
    obj = volume()
    for affinity in (None, {}, {"required": None}, {"required": {"nodeSelectorTerms": None}}):
        obj["spec"]["nodeAffinity"] = affinity
        assert volumes.place(obj).terms == ()


def test_a_volume_is_on_a_node_by_its_affinity_and_its_annotation() -> None:
    obj = volume_object("pv", "u", node="master-1")
    node = Site("master-1", "master-1")
    assert found(obj, node) == ("affinity", "annotation")
    assert found(obj, Site("master-10", "master-10")) == ()
    assert found(obj, Site("master", "master")) == ()
    assert found(obj, Site("", "")) == ()
    assert found(volume(), Site("", "")) == ()


def test_the_annotation_names_the_node_and_the_affinity_its_label() -> None:
    assert found(volume(ON_LOST, annotated="master-1")) == ("affinity", "annotation")
    # One machine under two names.
    assert found(volume(ON_LOST, annotated="host-1")) == ("affinity", "annotation")
    assert found(volume(term(expression(HOSTNAME, "master-1")), annotated="host-1")) == ("affinity", "annotation")
    assert found(volume(ON_LOST, annotated="host-2")) == ("affinity", "conflict")


def test_either_is_enough_when_the_other_is_missing() -> None:
    assert found(volume(ON_LOST)) == ("affinity",)
    assert found(volume(annotated="master-1")) == ("annotation",)
    assert not volumes.proven(("annotation",))


@pytest.mark.parametrize("where", [term(expression(HOSTNAME, "host-2")), term(expression(ZONES[0], "z1")), term()])
def test_an_annotation_that_the_affinity_does_not_bear_out_is_in_conflict(where: Json) -> None:
    assert found(volume(where, annotated="master-1")) == ("annotation", "conflict")
    assert found(volume(where, annotated="master-3")) == ()
    assert not volumes.proven(("affinity", "conflict"))


def test_what_fits_another_registered_node_is_not_lost_whatever_names_it() -> None:
    twin = Site("master-2", "host-1", {})
    assert found(volume(ON_LOST), others=(twin,)) == ()
    assert found(volume(ON_LOST, annotated="master-1"), others=(twin,)) == ("annotation", "conflict")
    racks = volume(term(expression("example.org/rack", "master-1")))
    assert found(racks) == ("affinity",)
    assert found(racks, others=(Site("master-2", "host-2", {"example.org/rack": "master-1"}),)) == ()


KINDS: list[tuple[Json, str, tuple[str, ...]]] = [
    ({"hostPath": {"path": "/x"}}, "hostPath", ()),
    ({"local": {"path": "/x"}}, "local", ()),
    ({"csi": {"driver": "topolvm.io"}}, "topolvm.io", ()),
    ({"csi": {}}, "csi", ()),
    ({"iscsi": {"lun": 1}}, "iscsi", ("elsewhere",)),
    ({"nfs": {"server": "192.0.2.1"}}, "nfs", ("elsewhere",)),
    ({"fc": {"lun": 1}}, "fc", ("elsewhere",)),
    ({"newKind": {}}, "newKind", ("elsewhere",)),
]


@pytest.mark.parametrize(("source", "kind", "more"), KINDS)
def test_what_is_not_kept_on_the_node_is_told_apart(source: Json, kind: str, more: tuple[str, ...]) -> None:
    assert volumes.place(volume(source=source)).kind == kind
    assert found(volume(ON_LOST, source=source)) == ("affinity", *more)
    assert found(volume(annotated="master-1", source=source)) == ("annotation", *more)
    assert found(volume(source=source)) == ()


def test_a_folder_that_names_no_node_may_be_where_its_pod_was() -> None:
    for source, kind, _more in KINDS:
        told = found(volume(source=source), used_there=True)
        assert told == (("pod",) if kind in ("hostPath", "local") else ())
    assert found(volume(term(expression(HOSTNAME, "host-2"))), used_there=True) == ()
    assert found(volume(annotated="master-2"), used_there=True) == ()
    assert found(volume(ON_LOST), used_there=True) == ("affinity",)
    assert not volumes.proven(("pod",))


def test_a_place_is_told_as_the_volume_says_it() -> None:
    assert str(Place()) == "affinity none, provisioner's annotation ''"
    text = str(volumes.place(volume(ON_LOST, term(), annotated="master-2")))
    assert text == "affinity kubernetes.io/hostname In host-1 or anything, provisioner's annotation 'master-2'"


def test_a_new_volume_is_on_the_replacement_alone() -> None:
    where = volumes.place(volume(term(expression(HOSTNAME, "host-2"))))
    assert volumes.pinned_alone(where, OTHERS[0], OTHERS[1:])
    assert not volumes.pinned_alone(where, OTHERS[1], OTHERS[:1])
    opaque = volumes.place(volume(term(expression("example.org/id", "i-2"))))
    named = Site("master-2", "host-2", {"example.org/id": "i-2"})
    assert volumes.pinned_alone(opaque, named, ())
    assert not volumes.pinned_alone(opaque, named, [Site("master-3", "host-3", {"example.org/id": "i-2"})])
    assert not volumes.pinned_alone(opaque, Site("master-2", "host-2"), ())


ARCH, DISK, ZONE = "kubernetes.io/arch", "example.org/disk", ZONES[0]


def labelled(number: int, **more: str) -> Site:
    name, host = "master-{0}".format(number), "host-{0}".format(number)
    own = {
        HOSTNAME: host,
        ARCH: "amd64",
        ZONE: "z{0}".format(number),
        "linbit.com/hostname": name,
        "linbit.com/sp": "true",
    }
    return Site(name, host, {**own, **more})


@pytest.mark.parametrize(
    ("terms", "folder", "driver"),
    [
        pytest.param([term(expression(DISK, "ssd"))], ("label",), ("label",), id="its own label"),
        pytest.param(
            [term(expression(DISK, "ssd"), expression(ARCH, "amd64"))], ("label",), ("label",), id="and a shared one"
        ),
        pytest.param([term(expression(DISK, operator="Exists"))], ("label",), (), id="whatever its value"),
        pytest.param([term(expression(DISK, "ssd", "nvme"))], ("label",), (), id="one of two values"),
        pytest.param(
            [term(expression(DISK, "hdd", operator="NotIn"), expression(ZONE, "z1"))], ("label",), (), id="not"
        ),
        pytest.param([term(expression("example.org/size", "5", operator="Gt"))], ("label",), (), id="greater"),
        pytest.param([term(expression("example.org/age", "5", operator="Lt"))], ("label",), (), id="less"),
        pytest.param([term(expression("example.org/size", "9", operator="Gt"))], (), (), id="not that great"),
        pytest.param([term(expression(DISK, "9", operator="Gt"))], (), (), id="no number"),
        pytest.param([term(expression(ZONE, "z1"))], ("label",), (), id="its zone"),
        pytest.param([term(expression(DISK, "ssd")), term(expression(DISK, "x"))], ("label",), (), id="or nowhere"),
        pytest.param(
            [term(expression(ZONE, "z1"), expression(ARCH, "amd64"))], ("label",), (), id="its zone and a shared one"
        ),
        pytest.param(
            [term(expression("example.org/k8s-zone", "z1"), expression(ARCH, "amd64"))],
            ("label",),
            (),
            id="its zone by a key that ends so",
        ),
        pytest.param(
            [term(expression("linbit.com/hostname", "master-1"), expression("linbit.com/sp", "true"))],
            ("affinity",),
            ("affinity",),
            id="its name and a shared label",
        ),
        pytest.param([term(expression(ARCH, "amd64"))], (), (), id="a shared label"),
        pytest.param([term(expression(ZONE, "z1", "z2"))], (), (), id="its zone or another's"),
        pytest.param(
            [term(expression(DISK, "ssd"), expression(ZONE, "z9"))],
            ("label",),
            ("label",),
            id="its label, nobody's zone",
        ),
        pytest.param([term()], (), (), id="anywhere"),
    ],
)
def test_a_label_that_all_share_does_not_hide_what_is_the_lost_nodes_alone(
    terms: list[Json], folder: tuple[str, ...], driver: tuple[str, ...]
) -> None:
    lost = labelled(1, **{DISK: "ssd", "example.org/k8s-zone": "z1", "example.org/size": "7", "example.org/age": "3"})
    others = (labelled(2, **{"example.org/size": "5"}), labelled(3, **{"example.org/age": "old"}))
    assert found(volume(*terms), lost, others) == folder
    assert found(volume(*terms, source={"local": {"path": "/x"}}), lost, others) == folder
    assert found(volume(*terms, source={"csi": {"driver": "d"}}), lost, others) == driver
    nfs = found(volume(*terms, source={"nfs": {"server": "192.0.2.1"}}), lost, others)
    assert nfs == ((*driver, "elsewhere") if driver else ())
    # A label proves nothing, and one that is not known any more tells nothing.
    assert not volumes.proven(("label",))
    assert "label" not in found(volume(*terms), Site(lost.name, lost.hostname), others)


def test_a_new_volume_is_on_the_replacement_by_what_is_its_own() -> None:
    others = [labelled(2), labelled(3)]
    named = volumes.place(volume(term(expression("linbit.com/hostname", "master-1"), expression(ARCH, "amd64"))))
    assert volumes.pinned_alone(named, labelled(1), others)
    by_zone = volumes.place(volume(term(expression(ZONE, "z1"), expression(ARCH, "amd64"))))
    assert not volumes.pinned_alone(by_zone, labelled(1), others)


# Few names, so that nodes, labels and values meet often.
NAMES = ["a", "b", "c"]
KEYS = [HOSTNAME, "topology.topolvm.io/node", "topology.kubernetes.io/zone", "rack"]
OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist", "Gt"]
values = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)
expressions = st.fixed_dictionaries(
    {"key": st.sampled_from(KEYS), "operator": st.sampled_from(OPERATORS), "values": values}
)
fields = st.fixed_dictionaries(
    {"key": st.just("metadata.name"), "operator": st.sampled_from(["In", "NotIn"]), "values": values}
)
terms_ = st.fixed_dictionaries(
    {"matchExpressions": st.lists(expressions, max_size=2), "matchFields": st.lists(fields, max_size=1)}
)
nodes_ = st.lists(
    st.builds(
        lambda name, hostname, labels: Site(name, hostname, {**labels, HOSTNAME: hostname}),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.dictionaries(st.sampled_from(KEYS[1:]), st.sampled_from(NAMES)),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda node: node.name,
)


def scheduler_allows(terms: list[Json], node: Site) -> bool:
    """What the documentation of node affinity says, written down apart from the code under test."""

    def matches(item: Json, labels: dict[str, str]) -> bool:
        there, value = item["key"] in labels, labels.get(item["key"])
        return {
            "In": there and value in item["values"],
            "NotIn": value not in item["values"],
            "Exists": there,
            "DoesNotExist": not there,
            "Gt": False,  # no name here is a number
        }[item["operator"]]

    return any(
        (one["matchExpressions"] or one["matchFields"])
        and all(matches(item, dict(node.labels)) for item in one["matchExpressions"])
        and all(matches(item, {"metadata.name": node.name}) for item in one["matchFields"])
        for one in terms
    )


@given(nodes=nodes_, terms=st.lists(terms_, min_size=1, max_size=3), annotated=st.sampled_from(["", *NAMES]))
def test_a_volume_that_another_node_may_use_is_never_found_lost(
    nodes: list[Site], terms: list[Json], annotated: str
) -> None:
    known, *others = nodes
    lost = Site(known.name, known.hostname)
    where = volumes.place(volume(*terms, annotated=annotated))
    reasons = volumes.found_by(where, lost, others, used_there=True)
    if any(scheduler_allows(terms, node) for node in others):
        assert "affinity" not in reasons
        assert not volumes.proven(reasons)
        # What is told nevertheless is told as a conflict, which nobody acts on.
        assert not reasons or "conflict" in reasons
        assert not volumes.pinned_alone(where, known, others)
        assert not {"affinity", "label"} & {*volumes.found_by(where, known, others)}
    for node in nodes:
        assert volumes.fits(where, node) or not scheduler_allows(terms, node)


@given(
    nodes=nodes_,
    zones=st.lists(st.sampled_from([*ZONES, "topology.csi.vmware.com/k8s-zone"]), min_size=1, max_size=2),
    shared=st.lists(st.sampled_from(["kubernetes.io/os", "kubernetes.io/arch"]), max_size=2),
    source=st.sampled_from([{"csi": {"driver": "ebs.csi.aws.com"}}, {"nfs": {"server": "192.0.2.1"}}]),
)
def test_what_the_whole_zone_reaches_is_not_lost_with_the_only_node_in_it(
    nodes: list[Site], zones: list[str], shared: list[str], source: Json
) -> None:
    """Whatever else all Nodes share."""
    common = dict.fromkeys(shared, "x")
    known, *others = (Site(node.name, node.hostname, {**node.labels, **common}) for node in nodes)
    lost = Site(known.name, known.hostname, {**known.labels, **dict.fromkeys(zones, "z1")})
    where = term(*(expression(key, "z1") for key in zones), *(expression(key, "x") for key in shared))
    if others or not shared:
        assert found(volume(where, source=source), lost, tuple(others)) == ()


@given(
    nodes=nodes_,
    terms=st.lists(terms_, min_size=1, max_size=3),
    name=st.sampled_from(["d", "e"]),
    hostname=st.sampled_from(["d", "e"]),
)
def test_a_volume_that_is_found_lost_can_t_be_used_on_a_node_of_other_names(
    nodes: list[Site], terms: list[Json], name: str, hostname: str
) -> None:
    """Not on one either that registers later, unless a driver's label on it repeats the lost node's name."""
    lost = Site(nodes[0].name, nodes[0].hostname)
    newcomer = Site(name, hostname, {HOSTNAME: hostname, KEYS[1]: name, KEYS[2]: nodes[0].name, "rack": "r"})
    if volumes.proven(volumes.found_by(volumes.place(volume(*terms)), lost, nodes[1:])):
        assert not scheduler_allows(terms, newcomer)


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.none() | st.text(max_size=3) | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
        max_size=4,
    )
)
def test_no_source_is_too_odd_to_be_read(spec: Json) -> None:
    where = volumes.place({"metadata": {"name": "pv"}, "spec": spec})
    assert isinstance(where.kind, str)
    assert where.terms == ()
