"""The keywords and answers of an inbound address: edit them, and see what is wrong before it is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from tidings.console.fields import Fields, sentence
from tidings.console.formatting import plural
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.texting import labels
from tidings.domain import keywords as matching
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import Verb
from tidings.domain.optout import AddressKind, InboundAddress, KeywordSet
from tidings.services.texting.inbound_addresses import REPLY_CHARACTERS_MAX
from tidings.wire.smpp import gsm, splitting

WORDS: Mapping[KeywordSet, str] = {name: f"words-{name.value}" for name in KeywordSet}
REPLIES: Mapping[KeywordSet, str] = {name: f"reply-{name.value}" for name in KeywordSet}
_ABOUT: Mapping[KeywordSet, str] = {
    KeywordSet.OPT_OUT: "Such a text opts out.",
    KeywordSet.OPT_IN: "Such a text opts in again.",
    KeywordSet.HELP: "Answered; changes nothing.",
}
_WORDS_CHARACTERS_MAX = 8_000
_FOREIGN_SHOWN = 5
ROWS_MAX = 17


@dataclass(frozen=True, slots=True)
class Size:
    """How long an answer is as a text. `foreign`: the characters that keep it out of the short alphabet."""

    parts: int
    foreign: str


@dataclass(frozen=True, slots=True)
class Column:
    """One of the three sets in the editor."""

    label: str
    about: str
    words_field: str
    words: str
    reply_field: str
    reply: str
    size: Size | None


async def editor(call: Call) -> Answer:
    """The form with what counts now."""
    found = await call.services.texting.addresses.get(call.grant, call.path["address"])
    sets = {name: tuple(found.keywords.get(name, ())) for name in KeywordSet}
    replies = {name: found.replies.get(name, "") for name in KeywordSet}
    return _page(call, found, Fields(), sets, replies)


async def save(call: Call) -> Answer:
    """Save the sets and answers whole, or (`check`) only say what would be wrong."""
    form, texting = call.form, call.services.texting
    found = await texting.addresses.get(call.grant, call.path["address"])
    sets = {name: _typed_words(form, name) for name in KeywordSet}
    replies = {
        name: form.lines(REPLIES[name], "Answer", characters_max=REPLY_CHARACTERS_MAX).strip() for name in KeywordSet
    }
    for name in KeywordSet:
        _check_words(form, name, sets)
    if form.ok and not form.has("check") and not call.is_fragment:
        try:
            await texting.addresses.set_keywords(call.grant, found.address, sets, replies)
        except InvalidValue as error:
            form.refuse_error(error, other=WORDS[KeywordSet.OPT_OUT])
        else:
            count = sum(len(listed) for listed in sets.values())
            said = f"{plural(count, 'keyword')} and the answers were saved; they count from the next text on."
            return Moved(f"{ROOT}/texting/addresses/{quote(found.address)}", said)
    return _page(call, found, form, sets, replies)


def _page(
    call: Call,
    found: InboundAddress,
    form: Fields,
    sets: Mapping[KeywordSet, Sequence[str]],
    replies: Mapping[KeywordSet, str],
) -> Answer:
    columns = [
        Column(
            labels.SETS[name],
            _ABOUT[name],
            WORDS[name],
            (form.all(WORDS[name]) or ["\n".join(sets[name])])[0],
            REPLIES[name],
            (form.all(REPLIES[name]) or [replies[name]])[0],
            size_of(replies[name]) if replies[name] else None,
        )
        for name in KeywordSet
    ]
    values = {
        "form": form,
        "address": found.address,
        "columns": columns,
        "missing": matching.missing(sets[KeywordSet.OPT_OUT]),
        "is_toll_free": found.kind is AddressKind.TOLL_FREE,
        "rows": min(max(6, *(len(listed) + 1 for listed in sets.values())), ROWS_MAX),
    }
    status = 200 if form.ok or call.is_fragment else 422  # htmx shows no answer that failed
    return Shown("texting/keywords.html", f"Keywords of {found.address}", values, block="checked", status=status)


def size_of(text: str) -> Size | None:
    """None for a text that cannot be sent at all."""
    try:
        parts = len(splitting.split(text, 0))
    except ValueError:
        return None
    foreign = dict.fromkeys(character for character in text if not _is_short(character))
    return Size(parts, " ".join([*foreign][:_FOREIGN_SHOWN]))


def _is_short(character: str) -> bool:
    try:
        gsm.encode(character)
    except UnicodeEncodeError:
        return False
    return True


def _typed_words(form: Fields, name: KeywordSet) -> tuple[str, ...]:
    text = form.lines(WORDS[name], f"{labels.SETS[name]} words", characters_max=_WORDS_CHARACTERS_MAX)
    return matching.distinct(word for line in text.split("\n") if (word := line.strip()))


def _check_words(form: Fields, name: KeywordSet, sets: Mapping[KeywordSet, Sequence[str]]) -> None:
    """Say at the field what is wrong with each word of a set; of several, the first ones."""
    wrong: list[str] = []
    for word in sets[name]:
        try:
            matching.check({name: (word,)})
        except InvalidValue as error:
            wrong.append(f"“{word[:40]}”: {error.reason}")
            continue
        others = [other for other in KeywordSet if other is not name and _has(sets[other], word)]
        if others:
            wrong.append(
                f"“{word}” is among the {labels.SETS[others[0]].lower()} words, too; it can be in one set only"
            )
    if len(sets[name]) > matching.KEYWORDS_MAX:
        wrong.insert(0, f"at most {matching.KEYWORDS_MAX} keywords, not {len(sets[name])}")
    if wrong:
        form.refuse(WORDS[name], " ".join(sentence(reason) for reason in wrong[:3]))


def _has(listed: Sequence[str], word: str) -> bool:
    form = matching.normalized(word)
    return any(matching.normalized(other) == form for other in listed)


_PATH = "/texting/addresses/{address}/keywords"
ROUTES = (
    Route("GET", _PATH, editor, Verb.MANAGE_OPT_OUTS, "keywords", "addresses"),
    Route("POST", _PATH, save, Verb.MANAGE_OPT_OUTS, "keywords", "addresses"),
)
