"""What holds of every page: pictures, no request, names and alternatives, contrast, keyboard, small screens, paper."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from tests.browser.looking import Looker, broken_pictures, eventually

_NAMELESS = re.compile(
    r"^\s*- (button|link|combobox|searchbox|textbox|checkbox|img|region|dialog|search)\b(?! \")", re.M
)

# WCAG 2.2, 1.4.3: the contrast of every visible text with what it stands on, by relative luminance. SVG text is filled.
_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const over = (top, below) => top.slice(0, 3).map((v, n) => v * top[3] + below[n] * (1 - top[3]));
  const ground = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      const box = each.tagName === "g" && each.querySelector("rect[fill-opacity]");
      if (box) {
        const [r, g, b] = rgba(getComputedStyle(box).fill);
        layers.push([r, g, b, Number(box.getAttribute("fill-opacity"))]);
      }
      layers.push(rgba(getComputedStyle(each).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const weak = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("script, style, title, .unseen, button:disabled")) continue;
    if (!element.checkVisibility({ contentVisibilityAuto: false })) continue;
    const style = getComputedStyle(element), below = ground(element);
    const ink = over(rgba(element.closest("svg") ? style.fill : style.color), below);
    const [a, b] = [light(ink), light(below)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) weak.push(`${ratio.toFixed(2)}: ${node.data.trim().slice(0, 40)}`);
  }
  return weak;
}"""

_MOVING = """() => Array.from(document.querySelectorAll("*"), (each) => getComputedStyle(each))
  .filter((style) => style.transitionDuration !== "0s" || style.animationName !== "none").length"""

# Marks what Tab should reach, takes the mark away where the focus comes, and notes where it could not be seen.
_WATCH = """(controls) => {
  window.blind = [];
  const bar = document.getElementById("tools");
  document.addEventListener("focusin", ({ target }) => setTimeout(() => {
    delete target.dataset.waiting;
    const { top, bottom } = target.getBoundingClientRect();
    const under = bar && !bar.contains(target) && getComputedStyle(bar).position === "sticky" && scrollY > 0
      && bottom < bar.getBoundingClientRect().bottom;
    const ring = target.matches(":focus-visible") && getComputedStyle(target).outlineStyle !== "none";
    if (target === document.activeElement && (!ring || under || bottom < 0 || top > innerHeight))
      window.blind.push(`${ring} ${top} ${target.outerHTML.slice(0, 200)}`);
  }));
  const all = Array.from(document.querySelectorAll(controls))
    .filter((each) => each.checkVisibility() && !each.closest("dialog"));
  for (const each of all) each.dataset.waiting = "";
  return all.length;
}"""
AWAY = "http://127.0.0.1:9/x.png"
_CONTROLS = "a[href], button:not(:disabled), input, select, summary, [tabindex='0']"


def test_every_picture_is_shown_and_nothing_else_is_asked_for(any_page: Path, look: Looker) -> None:
    page = look.open(any_page)
    assert page.locator("img").count() > 4
    assert not broken_pictures(page)
    assert {str(each.get_attribute("src"))[:23] for each in page.locator("img").all()} == {"data:image/jpeg;base64,"}


def test_the_policy_holds(any_page: Path, look: Looker) -> None:
    page = look.open(any_page)
    page.evaluate(
        """(away) => {
        window.refused = [];
        addEventListener("securitypolicyviolation", (event) => window.refused.push(event.effectiveDirective));
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        const picture = new Image();
        picture.src = away;
        document.body.append(picture);
    }""",
        AWAY,
    )
    eventually(page, "window.refused.length === 2")
    assert page.evaluate("[window.ran ?? false, ...window.refused.sort()]") == [False, "img-src", "script-src-elem"]
    assert len(look.said) == 2 and all("Content Security Policy" in line for line in look.said)
    # The attempt itself is not the page's.
    look.said.clear()
    look.asked.remove(AWAY)


def test_everything_has_a_name_and_every_picture_an_alternative(any_page: Path, look: Looker) -> None:
    page = look.open(any_page)
    tree = page.locator("body").aria_snapshot()
    assert not _NAMELESS.findall(tree), tree
    alts = [each.get_attribute("alt") or "" for each in page.locator("img").all()]
    assert all(alt.strip() for alt in alts)
    ids: list[str] = page.eval_on_selector_all("[id]", "(all) => all.map((each) => each.id)")
    assert len(ids) == len(set(ids))
    levels: list[int] = page.eval_on_selector_all("h1, h2, h3", "(all) => all.map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert page.locator("html[lang]").count() == page.locator("main").count() == 1


def test_every_text_stands_out_from_its_ground(any_page: Path, look: Looker) -> None:
    page = look.open(any_page, reduced_motion="reduce")
    page.eval_on_selector_all("details", "(all) => all.forEach((each) => { each.open = true; })")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((v) => v < 60)")
        assert dark == (scheme == "dark")
        assert page.evaluate(_CONTRAST) == []
    page.locator(".enlarge").first.click()
    assert page.evaluate(_CONTRAST) == []


def test_tab_reaches_every_control_and_shows_where_it_is(any_page: Path, look: Looker) -> None:
    page = look.open(any_page)
    waiting: int = page.evaluate(_WATCH, _CONTROLS)
    assert waiting > 15
    for _ in range(waiting):
        page.keyboard.press("Tab")
    # What was focused last is looked at a moment later.
    eventually(page, "!document.querySelector('[data-waiting]') || window.blind.length")
    assert page.evaluate("window.blind") == []


def test_small_screens_scroll_in_one_direction(any_page: Path, look: Looker) -> None:
    page = look.open(any_page)
    for width in (400, 320):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".enlarge").first.click()
    wide = page.locator("dialog img").evaluate("(picture) => picture.getBoundingClientRect().right")
    assert wide <= 320


def test_paper_shows_the_pictures_and_no_controls(any_page: Path, look: Looker, tmp_path: Path) -> None:
    from mmskin_hub.pdf.reader import import_pymupdf

    page = look.open(any_page, color_scheme="dark")
    shown = page.locator("img").count()
    page.emulate_media(media="print", reduced_motion="reduce")
    assert page.evaluate(_MOVING) == 0
    assert not page.locator(".tools, .skip, .turn").filter(visible=True).count()
    assert page.evaluate(_CONTRAST) == []
    page.pdf(path=tmp_path / "page.pdf")
    with import_pymupdf().open(tmp_path / "page.pdf") as book:
        drawn = sum(len(sheet.get_image_rects(image[0])) for sheet in book for image in sheet.get_images())
    assert drawn == shown


def test_without_scripts_everything_is_there(any_page: Path, look: Looker) -> None:
    with_scripts = look.open(any_page).locator(".card").count()
    page = look.open(any_page, java_script_enabled=False)
    assert page.locator(".card").filter(visible=True).count() == with_scripts
    assert not page.locator(".tools").filter(visible=True).count()
    assert not broken_pictures(page)
