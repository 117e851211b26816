"""The pages for everybody: by keyboard alone, in a screen reader, on a small phone, in the dark, in long words, from right to left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect
from tests.e2e.conftest import OpenPage, OpenSite, Site
from tests.support.subscribers import App, cancel_path, list_path, named_path, standing_path

from tidings.domain.model import State
from tidings.pages.catalogue import PLACEHOLDER, Catalogue, Text, load_catalogues

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_NAME = "arn-like-name-without-any-place-to-break-" + "x" * 200
ACCENTS = str.maketrans("aeiouyAEIOUYcnsCNS", "åéîöüýÅÉÎÖÜÝçñšÇÑŠ")


async def _scenes(app: App) -> AsyncIterator[tuple[str, str, str]]:
    """Every kind of page: its name, its path, and the button that leads to it if it is an answer."""
    long = await app.topic(LONG_NAME[:256], LONG_NAME[:100])
    subscription, token = await app.ask(long)
    yield "confirm", f"/s/y/{token}", ""
    yield "confirmed", f"/s/y/{token}", "button.primary"
    yield "cancel", cancel_path(subscription), ""
    await app.subscriber(await app.topic("b", "Beta"))
    await app.ask(await app.topic("c", "Gamma, with a name of several words that needs more than one line"))
    yield "list", list_path(subscription), ""
    yield "all", f"{list_path(subscription)}/all", ""
    yield "canceled", cancel_path(subscription), "button.primary"
    restore = app.secrets[-1]
    yield "list with past", list_path(subscription), ""
    yield "ended", cancel_path(subscription), ""
    yield "restore", f"/s/r/{restore}", ""
    yield "restored", f"/s/r/{restore}", "button.primary"
    yield "alldone", f"{list_path(subscription)}/all", "button.primary"
    hers, _ = await app.ask(long, "+12125550100", "sms", "smn")
    for name in ("standing confirm", "standing cancel", "standing restore"):
        yield name, standing_path(hers), ""
        yield f"{name} done", standing_path(hers), "button.primary"
    yield "named", named_path(hers), ""
    yield "named done", named_path(hers), "button.primary"
    yield "unknown", "/s/y/" + "0" * 64, ""
    yield "malformed", "/s/y/0", ""
    app.clock.advance(48 * 3600)
    yield "expired", f"/s/r/{app.secrets[-1]}", ""
    yield "standing too late", standing_path(hers), ""


async def _visit(site: Site, page: Page) -> AsyncIterator[str]:
    async for name, path, button in _scenes(site.app):
        await page.goto(f"{site.url}{path}")
        if button:
            await page.locator(button).click()
        yield name


# What a screen reader and a thumb need of every page, measured in the page itself.
_FINDINGS = """() => {
  const found = [];
  const one = (selector) => document.querySelectorAll(selector).length === 1 || found.push(`not one ${selector}`);
  ['main', 'h1', 'header', 'footer', 'title', 'meta[name=viewport]'].forEach(one);
  if (!document.documentElement.lang) found.push('no lang');
  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) found.push(`heading skips to ${heading.tagName}`);
    level = next;
  }
  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  if (new Set(ids).size !== ids.length) found.push('an id twice');
  for (const name of ['aria-labelledby', 'aria-describedby'])
    for (const node of document.querySelectorAll(`[${name}]`))
      for (const id of node.getAttribute(name).split(' '))
        if (!document.getElementById(id)) found.push(`${name} points nowhere: ${id}`);
  for (const node of document.querySelectorAll('a, button')) {
    if (!node.textContent.trim()) found.push('a control without a name');
    const box = node.getBoundingClientRect();
    if (box.height < 44 || box.width < 44) found.push(`small: ${node.textContent} ${box.width}x${box.height}`);
  }
  for (const node of document.querySelectorAll('input'))
    if (node.type !== 'hidden') found.push('an input without a label');
  for (const node of document.querySelectorAll('svg'))
    if (node.getAttribute('aria-hidden') !== 'true') found.push('a picture that is read out');
  for (const node of document.querySelectorAll('ul, ol'))
    for (const child of node.children) if (child.tagName !== 'LI') found.push('a list with something else in it');
  for (const node of document.querySelectorAll('section'))
    if (node.querySelector('h2') && !node.getAttribute('aria-labelledby')) found.push('a section without its name');
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push('scrolls sideways');
  for (const node of document.querySelectorAll('main *, header *, footer *')) {
    const box = node.getBoundingClientRect();
    if (box.width && (box.right > width + 0.5 || box.left < -0.5)) found.push(`sticks out: ${node.tagName} ${box.left}-${box.right}`);
  }
  return found;
}"""

# Contrast as it is drawn: every text against the nearest painted ground behind it. Source: WCAG 2.2, 1.4.3.
_PALE = """() => {
  const parse = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = parse(getComputedStyle(node).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.data.trim()) continue;
    const node = walker.currentNode.parentElement;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => x - y);
    const contrast = (b + 0.05) / (a + 0.05);
    if (contrast < 4.5) found.push(`${walker.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
  }
  return found;
}"""


async def _check_everything(site: Site, page: Page) -> None:
    names = []
    async for name in _visit(site, page):
        names.append(name)
        assert (name, await page.evaluate(_FINDINGS)) == (name, [])
        assert (name, await page.evaluate(_PALE)) == (name, [])
    assert len(names) == 23


async def test_the_checks_find_what_is_wrong(open_page: OpenPage) -> None:
    page = await open_page(java_script_enabled=True)
    await page.set_content(
        "<h2>x</h2><a href='#' style='color:#999'>y</a><div style='width:999px'>z</div><input><svg></svg>"
    )
    found = " ".join(await page.evaluate(_FINDINGS))
    for complaint in ("not one main", "no lang", "skips to H2", "small: y", "scrolls sideways", "label", "read out"):
        assert complaint in found
    assert await page.evaluate(_PALE) == ["y: 2.85"]


# Scripts are on here for the measuring alone: `evaluate` needs them, the pages have none.
@pytest.mark.parametrize("colors", ["light", "dark"])
async def test_every_page_is_sound_on_a_small_phone(open_site: OpenSite, open_page: OpenPage, colors: str) -> None:
    page = await open_page(viewport={"width": 320, "height": 568}, color_scheme=colors, java_script_enabled=True)
    await _check_everything(await open_site(contact="mailto:help@example.org"), page)


async def test_every_page_is_sound_on_a_desk_and_in_chinese(site: Site, open_page: OpenPage) -> None:
    page = await open_page(viewport={"width": 1280, "height": 800}, locale="zh-CN", java_script_enabled=True)
    await _check_everything(site, page)


async def test_every_page_is_sound_with_text_twice_as_large(site: Site, open_page: OpenPage) -> None:
    """WCAG 2.2, 1.4.4 and 1.4.10: at 400 % zoom of a 1280 pixel window a page has 320 pixels, here with doubled text too."""
    page = await open_page(viewport={"width": 640, "height": 800}, java_script_enabled=True)
    async for name in _visit(site, page):
        await page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert (name, await page.evaluate(_FINDINGS)) == (name, [])


def _pseudo(direction: str) -> Mapping[str, Catalogue]:
    """English as a translation half as long again would look: accented, padded, in brackets, so that a text cut off or not
    translated shows."""

    def stretched(text: str) -> str:
        pieces = PLACEHOLDER.split(text)
        worded = "".join(
            f"{{{piece}}}" if place % 2 else piece.translate(ACCENTS) for place, piece in enumerate(pieces)
        )
        return f"⟦{worded} {'one two three four five six seven ' * (len(text) // 70 + 1)}⟧"

    def each(text: Text) -> Text:
        return stretched(text) if isinstance(text, str) else {form: stretched(words) for form, words in text.items()}

    english = load_catalogues()["en"]
    texts = {key: text if key.startswith("language.") else each(text) for key, text in english.texts.items()}
    pseudo = replace(english, tag="qps", name="Pseudo", direction=direction, texts=texts)
    return {"qps": pseudo, "en": english}


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_long_words_and_right_to_left_do_not_break_a_page(
    open_site: OpenSite, open_page: OpenPage, direction: str
) -> None:
    site = await open_site(catalogues=_pseudo(direction))
    page = await open_page(viewport={"width": 320, "height": 568}, locale="fr-FR", java_script_enabled=True)
    async for name in _visit(site, page):
        assert (name, await page.evaluate(_FINDINGS)) == (name, [])
        # Every sentence on the page comes from the catalogue: what is not in its brackets is somebody's name, or a number.
        loose = await page.evaluate(
            """() => [...document.querySelectorAll('h1, p, dt, button, main a, footer a')]
                .filter((node) => !node.closest('.operator') && !node.closest('[hreflang]') && !node.textContent.includes('⟦'))
                .map((node) => node.textContent)"""
        )
        assert (name, loose) == (name, [])
        assert await page.evaluate("getComputedStyle(document.body).direction") == direction


async def test_everything_is_reached_with_the_keyboard_alone(site: Site, open_page: OpenPage) -> None:
    page = await open_page(java_script_enabled=True)
    app = site.app
    subscription, token = await app.ask(await app.topic())

    await page.goto(f"{site.url}/s/y/{token}")
    assert await _tab_to(page, "Yes, send them to me") == 1
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("You are subscribed")

    await _tab_to(page, "Cancel this subscription")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("You have canceled")

    await _tab_to(page, "See everything this address receives")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("What you receive here")
    assert (await app.stored(subscription)).state is State.CANCELED


async def _tab_to(page: Page, label: str) -> int:
    """Press Tab until the control with this text has the focus, which must be seen; returns how often."""
    for presses in range(1, 12):
        await page.keyboard.press("Tab")
        text, style, width = await page.evaluate(
            """() => {
              const style = getComputedStyle(document.activeElement);
              return [document.activeElement.textContent.trim(), style.outlineStyle, parseFloat(style.outlineWidth)];
            }"""
        )
        assert (style, width >= 2) == ("solid", True), f"the focus on {text} cannot be seen"
        if text == label:
            return presses
    raise AssertionError(f"{label} cannot be reached")


async def test_a_screen_reader_hears_which_subscription_a_button_cancels(site: Site, phone: Page) -> None:
    app = site.app
    mine = [await app.subscriber(await app.topic(name.lower(), name)) for name in ("Alpha", "Beta")]
    await phone.goto(f"{site.url}{list_path(mine[0])}")
    received = await phone.locator("main").aria_snapshot()
    assert 'heading "What you receive here" [level=1]' in received
    assert 'button "Cancel Alpha"' in received
    assert 'button "Cancel Beta"' in received
    assert 'link "Cancel all of them"' in received
    assert "term: Email address" in received


async def test_forced_colors_keep_edges_and_the_first_choice_apart(site: Site, open_page: OpenPage) -> None:
    page = await open_page(forced_colors="active", java_script_enabled=True)
    _, token = await site.app.ask(await site.app.topic())
    await page.goto(f"{site.url}/s/y/{token}")
    widths = await page.evaluate(
        "[...document.querySelectorAll('button')].map((node) => parseFloat(getComputedStyle(node).borderTopWidth))"
    )
    assert widths[0] > widths[1] > 0


async def test_nothing_moves_for_those_who_asked_for_stillness(site: Site, open_page: OpenPage) -> None:
    page = await open_page(reduced_motion="reduce", java_script_enabled=True)
    _, token = await site.app.ask(await site.app.topic())
    await page.goto(f"{site.url}/s/y/{token}")
    moving = await page.evaluate(
        """() => [...document.querySelectorAll('*')].filter((node) => {
          const style = getComputedStyle(node);
          return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none';
        }).length"""
    )
    assert moving == 0
