"""`manage.py check_invariants`: the ledger, for people and for monitoring. It never writes."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from helpdesk.queries import ledger
from helpdesk.queries.invariants.proof import Finding, Proof, prove


class Command(BaseCommand):
    """Exit status 0 when everything is accounted for, 1 otherwise."""

    help = "Account for every mail that came in and every message that was to leave. Reads only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--blobs", action="store_true", help="also look for the file of each mail and attachment")
        parser.add_argument("--deep", action="store_true", help="also read these files and compare their SHA-256")
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = ledger.counts()
        wanted = ledger.invariants(has_files=options["blobs"], is_deep=options["deep"])
        proofs = list(prove(wanted, now=timezone.now()))
        unexplained = sum(finding.count for proof in proofs for finding in proof.findings)
        if options["json"]:
            self.stdout.write(json.dumps(_as_data(counts, proofs, unexplained), ensure_ascii=False, indent=2))
        else:
            self._tell(counts, proofs, unexplained)
        if unexplained:
            raise SystemExit(1)

    def _tell(self, counts: Mapping[str, int], proofs: Sequence[Proof], unexplained: int) -> None:
        for name, count in counts.items():
            self.stdout.write(f"{count:>10,}  {name}")
        self.stdout.write("")
        for proof in proofs:
            holds = self.style.ERROR("broken") if proof.findings else self.style.SUCCESS("holds ")
            self.stdout.write(f"{proof.invariant.number:<4}{holds}  {proof.invariant.title}")
            for finding in proof.findings:
                self.stdout.write(self.style.ERROR(f"{finding.count:>10,}  {_in_words(finding)}"))
        self.stdout.write(f"\n{unexplained} unexplained")


def _in_words(finding: Finding) -> str:
    named = ", ".join(f"#{each}" if isinstance(each, int) else str(each) for each in finding.examples)
    return f"{finding.sentence}, such as {named}" if named else finding.sentence


def _as_data(counts: Mapping[str, int], proofs: Sequence[Proof], unexplained: int) -> dict[str, Any]:
    return {
        "unexplained": unexplained,
        "counts": dict(counts),
        "invariants": [
            {
                "number": proof.invariant.number,
                "title": proof.invariant.title,
                "holds": not proof.findings,
                "findings": [
                    {"sentence": each.sentence, "count": each.count, "examples": list(each.examples)}
                    for each in proof.findings
                ],
            }
            for proof in proofs
        ],
    }
