"""Which office a complaint goes to, and why.

The most specific rule of `reference/routes.csv` (as the office has amended it) wins: a local body before a district before
neither, then a sub-category before a category before none. Without a rule the category's department takes it, at the lowest
office it has there. What has no category is the grievance cell's, so nothing is ever without an owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from helpline import offices
from helpline.reference import Reference, Route


@dataclass(frozen=True)
class Decision:
    office_code: str
    why: str  # rule | body | district | department | no_category | barred | no_office
    rule: Route | None = None
    passed_over: tuple[str, ...] = ()  # more specific keys for which there is no rule

    @property
    def department_code(self) -> str:
        return self.office_code.partition(".")[0]


def decide(
    reference: Reference,
    category_code: str | None,
    district_code: str | None,
    local_body_code: str | None = None,
    barred: tuple[str, ...] = (),
) -> Decision:
    """`barred`: offices that must not have it (and none below them): it goes to the next one above."""
    decision = _by_rule(reference, category_code, district_code, local_body_code) or _by_ladder(
        reference, category_code, district_code, local_body_code
    )
    return _past(decision, barred)


def body_of(reference: Reference, category_code: str | None, district_code: str | None, known: str | None, place: str | None) -> str | None:
    """The local body that `place` names, where it is not `known` otherwise; none of another district than the complaint's. Of several of one
    name (a municipality and its sub-division) the one in which the category's department has an office."""
    if known and known in reference.bodies and reference.bodies[known].district_code != district_code:
        known = None
    named = [body.code for body in reference.bodies_named(district_code, place)] if place else []
    if known and known not in named:
        return known
    category = reference.categories.get(category_code or "")
    ours = [code for code in named if category and (category.department_code, code) in reference.offices_of_body]
    found = ours or named
    return found[0] if len(found) == 1 else known


def _past(decision: Decision, barred: tuple[str, ...]) -> Decision:
    for office in offices.upwards(decision.office_code):
        if office == offices.FALLBACK or not any(offices.is_within(office, top) for top in barred):
            break
    return decision if office == decision.office_code else Decision(office, "barred")


def keys(category_code: str | None, district_code: str | None, local_body_code: str | None) -> Iterator[tuple[str, str, str]]:
    """The keys a rule may have to match, the most specific first."""
    category = category_code or ""
    categories = dict.fromkeys([category, category.partition(".")[0], ""])
    places = dict.fromkeys([(district_code or "", local_body_code or ""), (district_code or "", ""), ("", "")])
    for district, body in places:
        for code in categories:
            yield code, district, body


def _by_rule(reference: Reference, category: str | None, district: str | None, body: str | None) -> Decision | None:
    if not reference.routes:
        return None
    passed: list[str] = []
    for key in keys(category, district, body):
        rule = reference.routes.get(key)
        if rule and rule.office_code in reference.offices:
            return Decision(rule.office_code, "rule", rule, tuple(passed))
        passed.append("/".join(part or "*" for part in key))
    return None


def _by_ladder(reference: Reference, category_code: str | None, district: str | None, body: str | None) -> Decision:
    category = reference.categories.get(category_code or "")
    if category is None:
        return Decision(offices.FALLBACK, "no_category")
    department = category.department_code
    if body and (local := reference.offices_of_body.get((department, body))):
        return Decision(local, "body")
    if district and f"{department}.{district}" in reference.offices:
        return Decision(f"{department}.{district}", "district")
    return Decision(department, "department") if department in reference.offices else Decision(offices.FALLBACK, "no_office")
