# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables of variables in the roles' READMEs from their argument specifications: role_readmes.py [--check].

What stands between the two marks is made; the rest of a README is written by hand. With --check nothing is written, and a table that differs fails.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BEGIN = "<!-- made from meta/argument_specs.yml by `make readmes` -->"
END = "<!-- end of what is made -->"
HOME = "{{ lookup('ansible.builtin.env', 'HOME') }}"
# Markup of documentation: C(x), V(x), O(x), RV(x), E(x), M(x), P(x#type), I(x), B(x).
MARKUP = re.compile(r"\b(?:C|V|O|RV|E|M|P|I|B)\(((?:[^()\\]|\\.)*)\)")


def plain(text: str) -> str:
    """A description as Markdown for the cell of a table."""
    words = MARKUP.sub(lambda match: "`{0}`".format(match.group(1).split("#")[0].replace("\\", "")), text)
    return " ".join(words.replace("|", "\\|").split())


def default(name: str, option: dict[str, Any], defaults: dict[str, Any]) -> str:
    """The cell for the default: what defaults/main.yml has, where there is one."""
    if option.get("required"):
        return "required"
    value = defaults.get(name, option.get("default"))
    text = value if isinstance(value, str) and value else json.dumps(value)
    if len(text) > 60:
        return "see `defaults/main.yml`"
    return "`{0}`".format(text.replace(HOME, "~"))


def made(role: Path) -> str:
    """What is made for a role."""
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    path = role / "defaults" / "main.yml"
    defaults = (yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}) or {}
    parts = []
    for entry, spec in specs.items():
        options = spec.get("options") or {}
        if len(specs) > 1:
            parts.append("`tasks_from: {0}`: {1}.".format(entry, plain(spec["short_description"]).rstrip(".")))
        if not options:
            parts.append("No variables.")
            continue
        lines = ["| Variable | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
        for name, option in options.items():
            texts = option["description"]
            meaning = plain(" ".join([texts] if isinstance(texts, str) else texts))
            kind = option.get("type", "str")
            kind += " of {0}".format(option["elements"]) if "elements" in option else ""
            if option.get("choices"):
                meaning += " One of {0}.".format(
                    ", ".join("`{0}`".format(json.dumps(one)) for one in option["choices"])
                )
            lines.append("| `{0}` | {1} | {2} | {3} |".format(name, kind, default(name, option, defaults), meaning))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def main() -> None:
    check, differs = "--check" in sys.argv[1:], []
    for role in sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir()):
        readme = role / "README.md"
        text = readme.read_text(encoding="utf-8")
        if BEGIN not in text or END not in text:
            raise SystemExit("{0} has no place for its table: the lines {1} and {2}".format(readme, BEGIN, END))
        before, rest = text.split(BEGIN)
        wanted = "{0}{1}\n\n{2}\n\n{3}{4}".format(before, BEGIN, made(role), END, rest.split(END)[1])
        if wanted != text:
            differs.append(readme)
            if not check:
                readme.write_text(wanted, encoding="utf-8")
    for path in differs:
        print("{0} {1}".format("differs:" if check else "written:", path.relative_to(ROOT)))
    if check and differs:
        raise SystemExit("Run: make readmes")


if __name__ == "__main__":
    main()
