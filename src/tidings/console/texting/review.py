"""The queue of texts that no keyword matches but a person would understand: somebody decides, with a reason, before ten business days."""

from __future__ import annotations

from dataclasses import dataclass

from tidings.console.errors import MISSING, BadRequest
from tidings.console.fields import Fields
from tidings.console.formatting import plural
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.domain.business_days import BUSINESS_DAYS_MAX, begun_before, business_days
from tidings.domain.errors import NotFound, WrongState
from tidings.domain.grants import Verb
from tidings.domain.model import LedgerEntry
from tidings.services.texting.phone_consent import REASON_CHARACTERS_MAX

PAGE_TEXTS = 20
SOON_DAYS = 5
MANY = 10**17
"""More records than there can be."""
REASONS = (
    "Asked to stop in own words",
    "Asked to stop, in another language",
    "Wrong number, wants no texts",
    "Is about something else",
    "A joke or an answer to somebody",
    "Wants to cancel an order, not the texts",
)


@dataclass(frozen=True, slots=True)
class Text:
    """A text that waits, and how long. `tone`: good, wait or bad."""

    entry: LedgerEntry
    days: int
    tone: str


async def review(call: Call) -> Answer:
    """The oldest first: they are the most urgent."""
    return await _page(call, Fields(), "")


async def _page(call: Call, form: Fields, record: str) -> Answer:
    reading, texting = call.authorize(Verb.READ_OPT_OUTS), call.services.texting
    now = call.services.clock.now()
    if record:  # that one again, with what is wrong about the form
        start, alone = int(record) - 1, True
        waiting = [
            row for row in await texting.records.open_reviews(reading, after=start, limit=1) if str(row.id) == record
        ]
    else:
        start, alone = call.query.whole("from", "Page", most=MANY), False
        waiting = await texting.records.open_reviews(reading, after=start, limit=PAGE_TEXTS + 1)
    if not waiting and start:
        start, alone = 0, False
        waiting = await texting.records.open_reviews(reading, limit=PAGE_TEXTS + 1)
    shown = waiting[:PAGE_TEXTS]
    late = await texting.records.open_review_total(reading, before=begun_before(SOON_DAYS, now))
    overdue = await texting.records.open_review_total(reading, before=begun_before(BUSINESS_DAYS_MAX + 1, now))
    values = {
        "form": form,
        "texts": [_text(entry, business_days(entry.at, now)) for entry in shown],
        "is_alone": alone,
        "total": await texting.records.open_review_total(reading),
        "overdue": overdue,
        "soon": late - overdue,
        "days_max": BUSINESS_DAYS_MAX,
        "reasons": REASONS,
        "next": shown[-1].id if len(waiting) > len(shown) else 0,
        "start": start,
    }
    return Shown("texting/review.html", "Review", values, status=200 if form.ok else 422)


def _text(entry: LedgerEntry, days: int) -> Text:
    return Text(entry, days, "bad" if days > BUSINESS_DAYS_MAX - 2 else "wait" if days >= SOON_DAYS else "good")


async def decide(call: Call) -> Answer:
    """An opt-out, or nothing of the kind. The same reason is the ledger's."""
    form, record = call.form, call.path["record"]
    if not (record.isascii() and record.isdigit() and len(record) <= 18):
        raise BadRequest(MISSING)
    decision = form.choice("decision", "Decision", ("opt-out", "ignore"), "opt-out")
    reason = form.text(f"reason-{record}", "Reason", characters_max=REASON_CHARACTERS_MAX, required=True)
    if not form.ok:
        return await _page(call, form, record)
    path = f"{ROOT}/texting/review"
    try:
        await call.services.texting.records.resolve(
            call.grant, int(record), opt_out=decision == "opt-out", reason=reason, origin=call.origin
        )
    except WrongState:
        return Moved(path, "Somebody was faster: that text is decided.", good=False)
    except NotFound as error:
        raise BadRequest(MISSING) from error
    left = await call.services.texting.records.open_review_total(call.authorize(Verb.READ_OPT_OUTS))
    done = "Opted out." if decision == "opt-out" else "Not an opt-out; nothing was changed."
    return Moved(path, f"{done} {plural(left, 'text')} left." if left else f"{done} That was the last one.")


ROUTES = (
    Route("GET", "/texting/review", review, Verb.READ_OPT_OUTS, "review", "review"),
    Route("POST", "/texting/review/{record}", decide, Verb.MANAGE_OPT_OUTS, "review", "review"),
)
