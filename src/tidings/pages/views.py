"""What each page shows, as values: heading, details, buttons, links. Made by `subscriber`, drawn by `render`.

Pure but for the clock's time that is handed in. A page never holds a whole endpoint, and no secret but those in its buttons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from tidings.domain import links
from tidings.domain.errors import TokenExpired
from tidings.domain.model import State, Subscription, Token, TokenPurpose
from tidings.domain.protocols import Protocols
from tidings.domain.tokens import LinkPurpose
from tidings.pages.catalogue import Catalogue
from tidings.pages.errors import ErrorPage
from tidings.pages.labels import LIVE, facts_of, is_phone, live_of, masked_endpoint, title_of
from tidings.pages.page import Action, Item, Page, Row, Section
from tidings.services.subscriptions import Canceled, Found

Sign = Callable[[LinkPurpose, str], str]


@dataclass(frozen=True, slots=True)
class Views:
    """Pages in one language at one time."""

    texts: Catalogue
    now: datetime
    operator: str
    sign: Sign
    protocols: Protocols

    # --- one subscription ----------------------------------------------------------------------------------------------

    def ask_to_confirm(self, found: Found, token: Token, secret: str) -> Page:
        """Do you want to receive this? With a second button that declines, for whoever never asked for it."""
        url = links.confirm_url("", secret)
        link = self.sign(LinkPurpose.CANCEL, found.subscription.uid)
        return self._page(
            "confirm",
            found,
            actions=(
                Action("confirm", self.texts.text("confirm.button"), url),
                Action("decline", self.texts.text("confirm.decline"), links.cancel_url("", link), primary=False),
            ),
            note=self._works_until(token.expires_at),
            day=("asked", found.subscription.confirmation_sent_at or found.subscription.created_at),
        )

    def ask_to_come_back(self, found: Found, token: Token, secret: str) -> Page:
        """Come back? For the holder of a restore token."""
        return self._page(
            "restore",
            found,
            actions=(Action("restore", self.texts.text("restore.button"), links.restore_url("", secret)),),
            note=self._works_until(token.expires_at),
            day=("canceled", found.subscription.canceled_at),
        )

    def subscribed(self, found: Found, purpose: TokenPurpose, *, changed: bool) -> Page:
        """Confirmed, now or before: what that means, and the way out. For a phone this page is the way out."""
        name = "restored" if purpose is TokenPurpose.RESTORE else "confirmed"
        phone = found.subscription.protocol == "sms"
        link = self.sign(LinkPurpose.CANCEL, found.subscription.uid)
        cancel = Action("cancel", self.texts.text("confirmed.button"), links.cancel_url("", link), primary=False)
        return self._page(
            name,
            found,
            icon="done",
            lead=self.texts.text("confirmed.leadsms" if phone and name == "confirmed" else f"{name}.lead"),
            actions=(cancel,),
            day=("since", found.subscription.confirmed_at),
            more=self._everything(found.subscription),
            changed=changed,
        )

    def ask_to_cancel(self, found: Found, path: str, *, act: str = "", more: Sequence[Action] | None = None) -> Page:
        """Stop receiving this? `path`: where the button posts to, with `act`. `more`: other ways on; None: the usual one."""
        waiting = found.subscription.state is State.UNCONFIRMED
        name = "decline" if waiting else "cancel"
        since = None if waiting else found.subscription.confirmed_at
        return self._page(
            name,
            found,
            icon="stop",
            actions=(Action(name, self.texts.text(f"{name}.button"), path, act=act),),
            note=self.texts.text("common.safe"),
            day=("since", since),
            more=self._everything(found.subscription) if more is None else more,
        )

    def canceled(
        self, before: Found, answer: Canceled, *, more: Sequence[Action] | None = None, back: Action | None = None
    ) -> Page:
        """It is canceled, and the way back if there is one: `back`, or a button with the token that was made for it."""
        if not answer.changed:
            return self.ended(Found(answer.subscription, answer.topic), more=more)
        declined = before.subscription.state is State.UNCONFIRMED
        section = None
        if answer.restore_token:
            until = answer.subscription.come_back_until
            section = Section(
                self.texts.text("canceled.back"),
                self.texts.text("canceled.backlead"),
                back or self._back(links.restore_url("", answer.restore_token)),
                note=self._works_until(until) if until else "",
            )
        return self._page(
            "declined" if declined else "canceled",
            Found(answer.subscription, answer.topic),
            icon="done",
            section=section,
            more=self._everything(answer.subscription) if more is None else more,
            changed=True,
        )

    def canceled_by_name(self, before: Found, answer: Canceled) -> Page:
        """The same for whoever knew only the subscription's name: no links that its endpoint alone should have."""
        return self.canceled(before, replace(answer, restore_token=""), more=())

    def ended(self, found: Found, *, more: Sequence[Action] | None = None, note: str | None = None) -> Page:
        """It was canceled before: nothing to do, and the way back while there is one."""
        if note is None:
            key = "ended.late" if is_phone(found) else "ended.back"  # a phone gets no goodbye message
            until = found.subscription.come_back_until
            note = self.texts.text(key, until=self._moment(until)) if until and self._may_return(found) else ""
        return self._page(
            "ended",
            found,
            icon="done",
            note=note,
            day=("canceled", found.subscription.canceled_at),
            more=self._everything(found.subscription) if more is None else more,
        )

    # --- the one link that a phone has -------------------------------------------------------------------------------------

    def permanent(self, found: Found, token: Token, link: str) -> Page:
        """What a PERMANENT link can do now, by the state of its subscription: confirm, cancel, come back, or nothing any more.

        Raises TokenExpired: it was not confirmed in time.
        """
        path = links.permanent_url("", link)
        subscription = found.subscription
        if subscription.state is State.CONFIRMED:
            return self.ask_to_cancel(found, path, act="cancel")
        if subscription.state is State.CANCELED:
            if not self._may_return(found):
                return self.ended(found, note=self.texts.text("ended.late"))
            return self._page(
                "restore",
                found,
                actions=(Action("restore", self.texts.text("restore.button"), path, act="restore"),),
                note=self._works_until(token.expires_at),
                day=("canceled", subscription.canceled_at),
                more=self._everything(subscription),
            )
        if token.expires_at <= self.now:
            raise TokenExpired
        return self._page(
            "confirm",
            found,
            actions=(
                Action("confirm", self.texts.text("confirm.button"), path, act="confirm"),
                Action("decline", self.texts.text("confirm.decline"), path, primary=False, act="cancel"),
            ),
            note=self._works_until(token.expires_at),
            day=("asked", subscription.confirmation_sent_at or subscription.created_at),
        )

    def permanent_subscribed(self, found: Found, purpose: TokenPurpose, link: str) -> Page:
        """Confirmed or back, and that the same link cancels at any time."""
        path = links.permanent_url("", link)
        return self._page(
            "restored" if purpose is TokenPurpose.RESTORE else "confirmed",
            found,
            icon="done",
            actions=(Action("cancel", self.texts.text("confirmed.button"), path, primary=False, act="cancel"),),
            note=self.texts.text("confirmed.keep"),
            day=("since", found.subscription.confirmed_at),
            more=self._everything(found.subscription),
            changed=True,
        )

    def permanent_canceled(self, before: Found, answer: Canceled, link: str) -> Page:
        """It is canceled, and the same link brings it back."""
        return self.canceled(before, answer, back=self._back(links.permanent_url("", link), act="restore"))

    # --- everything an endpoint receives ---------------------------------------------------------------------------------

    def everything(self, listed: Sequence[Found], asked: Found, link: str) -> Page:
        """All subscriptions of the endpoint, each with its button. `asked`: the one the link was sent for."""
        live = live_of(listed)
        past = [found for found in listed if found.subscription.state is State.CANCELED and self._may_return(found)]
        items = tuple(self._item(found, link) for found in live)
        actions: tuple[Action, ...] = ()
        if len(live) > 1:
            actions = (
                Action("cancel-all", self.texts.text("list.all"), links.endpoint_all_url("", link), "GET", False),
            )
        heading = self.texts.text("list.heading")
        lead: str | Markup = self.texts.text("list.none")
        if live:
            lead = self.texts.counted("list.lead", len(live), operator=self.operator)
        return Page(
            name="list",
            template="list",
            heading=heading,
            title=heading,
            lead=lead,
            icon="list",
            rows=(self._endpoint_row(asked.subscription),),
            actions=actions,
            items=items,
            past=tuple(self._item(found, link) for found in past),
            note=self.texts.text("list.endedleadsms" if is_phone(asked) else "list.endedlead"),
            facts={"endpoint": masked_endpoint(self.protocols, asked.subscription)},
        )

    def ask_to_cancel_all(self, live: Sequence[Found], link: str) -> Page:
        """The same question for everything at once."""
        count = len(live)
        return Page(
            name="all",
            template="all",
            heading=self.texts.counted("all.heading", count),
            title=self.texts.counted_text("all.heading", count),
            lead=self.texts.text("all.lead"),
            icon="stop",
            rows=(self._endpoint_row(live[0].subscription),),
            items=tuple(self._item(found, link) for found in live),
            actions=(
                Action("cancel-all", self.texts.counted("all.button", count), links.endpoint_all_url("", link)),
                Action("list", self.texts.text("all.keep"), links.endpoint_url("", link), "GET", primary=False),
            ),
            facts={"endpoint": masked_endpoint(self.protocols, live[0].subscription)},
        )

    def canceled_all(self, canceled: Sequence[Found], link: str) -> Page:
        """What cancel-all did. canceled: as they are now."""
        count = len(canceled)
        ends = [found.subscription.come_back_until for found in canceled]
        until = min((end for end in ends if end is not None), default=None)
        if until is None or is_phone(canceled[0]):
            lead = self.texts.html("alldone.leadsms", operator=self.operator)
        else:
            lead = self.texts.html("alldone.lead", operator=self.operator, until=self._moment(until))
        return Page(
            name="alldone",
            template="all",
            heading=self.texts.counted("alldone.heading", count),
            title=self.texts.counted_text("alldone.heading", count),
            lead=lead,
            icon="done",
            items=tuple(self._item(found, "") for found in canceled),
            more=self.back_to_list(canceled[0].subscription, link),
            changed=True,
        )

    def back_to_list(self, subscription: Subscription, link: str) -> tuple[Action, ...]:
        """The way back to the list a person came from."""
        label = self.texts.text("list.backsms" if subscription.protocol == "sms" else "list.back")
        return (Action("list", label, links.endpoint_url("", link), "GET", primary=False),)

    # --- kind pages ------------------------------------------------------------------------------------------------------

    def problem(self, problem: ErrorPage, request_id: str) -> Page:
        """What went wrong, in words of the reader's own, and what to do next."""
        key = f"problem.{problem.name}"
        heading = self.texts.text(f"{key}.heading")
        headers: tuple[tuple[str, str], ...] = ()
        if problem.retry_after_s:
            headers += (("Retry-After", str(problem.retry_after_s)),)
        if problem.allow:
            headers += (("Allow", problem.allow),)
        return Page(
            name="problem",
            template="problem",
            heading=heading,
            title=heading,
            lead=self.texts.text(f"{key}.lead"),
            icon="done" if problem.name == "ended" else "lost",
            status=problem.status,
            steps=tuple(self.texts.html(line, request=request_id) for line in self.texts.lines(f"{key}.next")),
            facts={"problem": problem.name, "request_id": request_id},
            headers=headers,
        )

    def start(self) -> Page:
        """What this place is for, without any link."""
        heading = self.texts.text("start.heading", operator=self.operator)
        return Page(
            name="start",
            template="problem",
            heading=self.texts.html("start.heading", operator=self.operator),
            title=heading,
            lead=self.texts.html("start.lead", operator=self.operator),
            icon="list",
            steps=(self.texts.html("start.open"), self.texts.html("start.cancel")),
        )

    def expired(self, path: str, request_id: str) -> Page:
        """The link is too old, and a button that has a new one sent. path: of the link."""
        page = self.problem(ErrorPage("expired", 410), request_id)
        return replace(page, actions=(Action("renew", self.texts.text("renewed.ask"), path, act="renew"),))

    def renewed(self, found: Found) -> Page:
        """A fresh request is on its way to the endpoint."""
        lead = self.texts.text("renewed.leadsms" if is_phone(found) else "renewed.lead")
        return self._page("renewed", found, icon="done", lead=lead, changed=True)

    # --- parts -----------------------------------------------------------------------------------------------------------

    def _page(
        self,
        name: str,
        found: Found,
        *,
        icon: str = "ask",
        lead: str = "",
        actions: Sequence[Action] = (),
        note: str | Markup = "",
        day: tuple[str, datetime | None] = ("", None),
        section: Section | None = None,
        more: Sequence[Action] = (),
        changed: bool = False,
    ) -> Page:
        subscription, topic = found.subscription, found.topic
        rows = [
            Row(self.texts.text("common.topic"), topic.name, isolated=True),
            self._endpoint_row(subscription),
            Row(self.texts.text("common.operator"), self.operator, isolated=True),
        ]
        label, at = day
        if at is not None:
            rows.append(Row(self.texts.text(f"common.{label}"), self.texts.day(at), at.date()))
        return Page(
            name=name,
            heading=self.texts.html(f"{name}.heading", topic=title_of(topic)),
            title=self.texts.text(f"{name}.heading", topic=title_of(topic)),
            lead=lead or self.texts.text(f"{name}.lead"),
            icon=icon,
            rows=rows,
            actions=actions,
            note=note,
            section=section,
            more=more,
            facts=facts_of(self.protocols, found),
            changed=changed,
        )

    def _endpoint_row(self, subscription: Subscription) -> Row:
        label = self.texts.text(f"endpoint.{self._word(subscription)}")
        return Row(label, masked_endpoint(self.protocols, subscription), isolated=True)

    def _word(self, subscription: Subscription) -> str:
        protocol = self.protocols.get(subscription.protocol)
        return "queue" if protocol is None else protocol.word

    def _is_person(self, subscription: Subscription) -> bool:
        protocol = self.protocols.get(subscription.protocol)
        return protocol is not None and protocol.is_person

    def _item(self, found: Found, link: str) -> Item:
        subscription, topic = found.subscription, found.topic
        waiting, live = subscription.state is State.UNCONFIRMED, subscription.state in LIVE
        action = None
        if link and live:
            label = self.texts.text("list.decline" if waiting else "list.button")
            path = links.endpoint_item_url("", link, subscription.uid)
            action = Action("decline" if waiting else "cancel", label, path, primary=False)
        since = subscription.confirmed_at if live else subscription.canceled_at
        return Item(
            uid=subscription.uid,
            title=title_of(topic),
            topic=topic.name,
            state=subscription.state,
            state_label=self.texts.text("list.waiting") if waiting else self.texts.text("list.active") if live else "",
            since=since.date() if since is not None else None,
            action=action,
        )

    def _back(self, path: str, *, act: str = "") -> Action:
        return Action("restore", self.texts.text("canceled.button"), path, "POST", False, act)

    def _everything(self, subscription: Subscription) -> tuple[Action, ...]:
        """For people only: the address of a program is no secret, and who holds a link of one program need not be another's owner."""
        if not self._is_person(subscription):
            return ()
        label = self.texts.text("common.everythingsms" if subscription.protocol == "sms" else "common.everything")
        link = self.sign(LinkPurpose.ENDPOINT, subscription.uid)
        return (Action("list", label, links.endpoint_url("", link), "GET", primary=False),)

    def _works_until(self, until: datetime) -> Markup:
        minutes = max(1, int((until - self.now).total_seconds()) // 60)
        if minutes < 60:
            return self.texts.counted("works.minutes", minutes)
        return self.texts.counted("works.hours", minutes // 60)

    def _moment(self, at: datetime) -> str:
        """A day and an hour, in UTC: where the reader is we do not know."""
        return self.texts.text("works.moment", day=self.texts.day(at), time=f"{at:%H:%M}")

    def _may_return(self, found: Found) -> bool:
        until = found.subscription.come_back_until
        return until is not None and until > self.now
