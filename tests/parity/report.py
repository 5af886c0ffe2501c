"""What a comparison has shown: the pages' data and the README's table."""

from __future__ import annotations

import json
from collections.abc import Sequence

from qapp.tour.chapters import CHAPTERS

from .compare import Compared, Outcome
from .normal import observe

SITE_URL = "http://127.0.0.1:8000"


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Return the result by chapter, as `qapp/tour/proof.json` holds it."""
    proofs = {}
    for chapter in CHAPTERS:
        own = [outcome for outcome in outcomes if outcome.scenario.chapter == chapter.slug]
        if not own:
            continue
        compared = [step for outcome in own for step in outcome.compared]
        proofs[chapter.slug] = {
            "scenarios": len(own),
            "steps": len(compared),
            "differences": sorted({name for step in compared for name in step.excused}),
            "transcript": next(
                transcript(outcome.compared[outcome.scenario.shown])
                for outcome in own
                if outcome.scenario.shown is not None
            ),
        }
    return json.dumps(proofs, indent=1, ensure_ascii=False) + "\n"


def transcript(compared: Compared) -> list[str]:
    """Return the lines of an exchange that a reader wants to see."""
    seen = observe(compared.here)
    sent, headers = compared.step.headers, compared.here.headers
    lines = [f"{compared.step.method} {compared.step.path}"]
    lines += [f"{name.lower()}: {value}" for name, value in sent.items()]
    lines += [f"HTTP/1.1 {seen.status}"]
    lines += [f"location: {seen.location}"] * bool(seen.location)
    lines += [f"content-type: {headers['Content-Type']}"]
    lines += [
        f"{name.lower()}: {headers[name]}" for name in compared.step.compares if name in headers
    ]
    lines += [f"set-cookie: {cookie}" for cookie in seen.cookies.splitlines()]
    body = compared.here.text
    if len(body) < 200 and not body.lstrip().startswith("<!doctype"):
        lines += ["", body]
    return lines


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the README's table: a line for each chapter."""
    lines = ["| Flask | here | chapter | scenarios that agree |", "|---|---|---|---|"]
    for chapter in CHAPTERS:
        own = [outcome for outcome in outcomes if outcome.scenario.chapter == chapter.slug]
        agree = [outcome for outcome in own if not outcome.faults]
        steps = sum(len(outcome.compared) for outcome in agree)
        count = f"{len(agree)} of {len(own)} ({steps} steps)" if own else "read only"
        link = f"[{chapter.title}]({SITE_URL}/tour/{chapter.slug})"
        lines.append(f"| {chapter.flask} | {chapter.here} | {link} | {count} |")
    agree = [outcome for outcome in outcomes if not outcome.faults]
    steps = sum(len(outcome.compared) for outcome in agree)
    lines.append(f"| | | all | {len(agree)} of {len(outcomes)} ({steps} steps) |")
    return "\n".join(lines)
