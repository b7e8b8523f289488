"""The style sheet of the report's page: light and dark, from the width of a phone on, and for paper."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

_LIGHT = """
  --page: #ffffff; --card: #f5f6f8; --line: #767d88; --text: #1a1d21; --quiet: #4d545e;
  --good: #0b6b34; --bad: #a8141c; --warn: #7a4b00; --own: #2459a6; --wait: #80868f;
"""
_DARK = """
  --page: #14171a; --card: #1f2429; --line: #7d8690; --text: #eceff2; --quiet: #b3bbc4;
  --good: #63d391; --bad: #ff9a94; --warn: #f0bd5f; --own: #7fb0f5; --wait: #8d959e;
"""

STYLE = (
    ":root { color-scheme: light dark;"
    + _LIGHT
    + "}\n@media (prefers-color-scheme: dark) { :root {"
    + _DARK
    + """} }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; line-height: 1.3; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: .75rem 0 .5rem; }
p, ul, ol, dl { margin: .5rem 0; overflow-wrap: anywhere; }
li { margin: .25rem 0; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
.outcome { border-left: .4rem solid var(--line); padding: .25rem 1rem; }
.outcome.done { border-color: var(--good); } .outcome.failed, .outcome.refused { border-color: var(--bad); }
.outcome.open { border-color: var(--warn); }
.word { font-weight: 700; letter-spacing: .04em; }
.done > .word, .good { color: var(--good); } .failed > .word, .refused > .word, .bad { color: var(--bad); }
.open > .word, .warn { color: var(--warn); }
.card { background: var(--card); border-left: .25rem solid var(--line); padding: .5rem .75rem; margin: .5rem 0; overflow-wrap: anywhere; }
.card p { margin: .25rem 0; }
.planes { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.plane { border: 1px solid var(--line); border-radius: .5rem; padding: .25rem .75rem .75rem; min-width: 0; }
.plane.planned { border-style: dashed; }
.vip { display: block; width: fit-content; max-width: 100%; margin: 0 auto; padding: .15rem .75rem;
  border: 2px solid var(--own); border-radius: 1rem; overflow-wrap: anywhere; }
.rail { border-top: 2px solid var(--own); margin: .5rem 0 0; }
.machines { display: grid; gap: .5rem; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); list-style: none; padding: 0; margin: 0; }
.machine { position: relative; margin: .75rem 0 0; border: 2px solid var(--line); border-radius: .35rem;
  padding: .4rem .5rem; background: var(--card); font-size: .875rem; overflow-wrap: anywhere; min-width: 0; }
.machine p { margin: .15rem 0; }
.machine.holder::before { content: ""; position: absolute; top: calc(-.75rem - 2px); left: 50%; height: .75rem; border-left: 2px solid var(--own); }
.machine.lost { border: 2px dashed var(--bad); } .machine.new { border-color: var(--good); }
.bars { display: grid; gap: .6rem; list-style: none; padding: 0; }
.bar { display: flex; height: 1rem; background: var(--card); border: 1px solid var(--line); }
.bar span { display: block; } .own { background: var(--own); } .wait { background: var(--wait); }
.key { display: inline-block; width: .9rem; height: .9rem; vertical-align: -.1rem; border: 1px solid var(--line); margin-right: .25rem; }
.row { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem; }
@media (min-width: 40rem) { dl { display: grid; grid-template-columns: 9rem 1fr; gap: .2rem 1rem; } dd { margin: 0; } }
@media print {
  :root {"""
    + _LIGHT
    + """}
  body { font-size: 11pt; } main { max-width: none; padding: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .card, .machine, .bars li, .plane { break-inside: avoid; } h2 { break-after: avoid; }
}
"""
)
