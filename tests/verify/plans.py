"""Plans and candidates for tests that evaluate below the store."""

from __future__ import annotations

from ingest.labels import jit_events, label_swaps
from verify.admission import admit
from verify.audit import audit
from verify.compile import constructor_data
from verify.evaluate import Candidate
from verify.jobs import Plan
from verify.plan import read
from verify.run import keeps_state


def plan_of(history):
    jit = jit_events(history)
    readings = {name: read(history, label_swaps(history, name), jit) for name in ("rules", "routers", "all")}
    return Plan(history, audit(history)[1], readings, None)


def candidates_of(rules):
    artifacts = [admit(rule.source, file=rule.file) for rule in rules]
    return [
        Candidate(constructor_data(artifact, rule.parameters), keeps_state(artifact))
        for artifact, rule in zip(artifacts, rules, strict=True)
    ]
