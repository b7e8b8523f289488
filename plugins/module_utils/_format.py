"""Formats values for people."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import ipaddress
import re


def address(text: str) -> str:
    """A host in the form in which hosts are compared: an IP address in its shortest form, without brackets and zone; a name in lower case."""
    bare = re.sub(r"%[^%]*$", "", str(text).strip().strip("[]"))
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare.lower().rstrip(".")


def printable(text: str) -> str:
    """One line of text from the cluster or a program, for a terminal: what would control the terminal is a question mark."""
    return "".join(char if char.isprintable() else "?" for char in text.replace("\t", " "))


def human(size: float) -> str:
    """Format bytes in powers of 1024."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return "{0:.0f} {1}".format(size, unit) if unit == "B" else "{0:.1f} {1}".format(size, unit)
        size /= 1024
    return "{0:.1f} TiB".format(size)


def qualified(namespace: str, name: str) -> str:
    """NAMESPACE/NAME of an object."""
    return "{0}/{1}".format(namespace, name)


def duration(seconds: float) -> str:
    """Seconds in the units that fit: 42 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 90:
        return "{0} s".format(whole)
    if whole < 5400:
        return "{0} min {1} s".format(whole // 60, whole % 60) if whole % 60 else "{0} min".format(whole // 60)
    return "{0} h {1} min".format(whole // 3600, whole % 3600 // 60)
