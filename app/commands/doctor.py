"""``pactsmith doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import click

from app.console import Session, with_session
from app.doctor import checks
from app.exits import EXIT_FAILURE, EXIT_SUCCESS
from app.tables import show_checks


@click.command()
@with_session
def command(session: Session) -> int:
    """Tries everything that Pactsmith needs, and says how to get what is missing.

    Exits 1 when something is missing without which nothing works.
    """
    found = checks(session.store_root)
    fit = all(check.passed for check in found if check.essential)
    document = {"fit": fit, "checks": [check.to_json() for check in found]}
    return session.finish(document, lambda: show_checks(found), EXIT_SUCCESS if fit else EXIT_FAILURE)
