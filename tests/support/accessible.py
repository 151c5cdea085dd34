"""What axe-core and the tab key find on a page of the dashboard.

axe-core is vendored as npm publishes it; MPL-2.0, see ``tests/browser/vendor/axe.LICENSE``.
"""

from dataclasses import dataclass

from tests.support.paths import ROOT

AXE = ROOT / "tests" / "browser" / "vendor" / "axe.min.js"
SEVERE = ("serious", "critical")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
NAMES = ("label-content-name-mismatch", "heading-order")  # not on by default, or counted as moderate
_RUN = """async ([rules, names]) => {
    const enabled = Object.fromEntries(names.map(name => [name, {enabled: true}]));
    const found = await axe.run(document, {resultTypes: ['violations'], runOnly: rules, rules: enabled});
    return found.violations.flatMap(({id, impact, nodes}) => nodes.map(
        ({target, html, failureSummary}) => ({rule: id, impact, html: html.slice(0, 200), why: failureSummary,
            within: ours(target)})));
    function ours(target) {
        let element = document;
        for (const part of target.flat()) element = (element.shadowRoot || element).querySelector(part);
        const chain = [];
        for (let at = element; at; at = at.parentElement || at.getRootNode().host) chain.push(at);
        return %s.filter(selector => chain.some(at => at.matches?.(selector)));
    }
}"""


@dataclass(frozen=True)
class Exempt:
    """What Streamlit's own widgets do, which a page of theirs can't change."""

    rule: str
    within: str  # a selector of an element around it
    reason: str


def findings(tab, exempt: tuple[Exempt, ...]) -> list[str]:
    """What axe-core holds against the page as it is now, each in a line, without what is exempt."""
    if not tab.evaluate("() => Boolean(window.axe)"):
        tab.evaluate(AXE.read_text(encoding="utf-8"))
    run = _RUN % [one.within for one in exempt]
    known = {(one.rule, one.within) for one in exempt}
    return [
        f"{one['rule']} ({one['impact']}): {one['html']}: {one['why']}"
        for one in tab.evaluate(run, [list(RULES), list(NAMES)])
        if (one["impact"] in SEVERE or one["rule"] in NAMES)
        and not any((one["rule"], selector) in known for selector in one["within"])
    ]


HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
    .filter(one => one.checkVisibility() && one.innerText.trim()).map(one => [+one.tagName[1], one.innerText.trim()])"""


def jumps(tab) -> list[str]:
    """Headings that lie more than a level below the one before them; and a page that has not just one title."""
    found = tab.evaluate(HEADINGS)
    said = [text for (before, _), (level, text) in zip(found, found[1:]) if level > before + 1]
    titles = [text for level, text in found if level == 1]
    return said + ([] if len(titles) == 1 and found[0][0] == 1 else [f"titles: {titles}"])


REACHABLE = """() => {
    const all = (root) => [...root.querySelectorAll('*')].flatMap(
        one => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
    const wanted = 'a[href], button, input, select, textarea, summary, [tabindex]';
    window.reachable = all(document).filter(one => one.matches(wanted) && !one.disabled && one.tabIndex >= 0
        && one.checkVisibility({visibilityProperty: true}) && !one.closest('[inert], [aria-hidden="true"]'));
    return window.reachable.length;
}"""
FOCUSED = """() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    return window.reachable.indexOf(at);
}"""
MISSED = """reached => {
    const group = one => one.closest('[role="radiogroup"], [data-testid="stButtonGroup"]') || one;  // arrows within
    const met = new Set(reached.filter(index => index >= 0).map(index => group(window.reachable[index])));
    return window.reachable.filter(one => !met.has(group(one))).map(one => one.outerHTML.slice(0, 200));
}"""
TRIES = 3
IDLE = 40  # presses without anything new, after which it has been everywhere; the browser's own players take five each


def missed(tab) -> list[str]:
    """The page's controls that the tab key does not reach from the page's begin on; a trap hides all behind it."""
    for _ in range(TRIES):
        found = _missed(tab)
        if not found or tab.evaluate("() => window.reachable.every(one => one.isConnected)"):
            break  # otherwise the page was drawn anew below the keys
    return found


def _missed(tab) -> list[str]:
    n_controls = tab.evaluate(REACHABLE)
    tab.evaluate("() => { document.activeElement?.blur(); window.getSelection().removeAllRanges(); }")
    reached: set[int] = set()
    idle = 0
    for _ in range(2 * n_controls + 20):
        tab.keyboard.press("Tab")
        at = tab.evaluate(FOCUSED)
        idle = idle + 1 if at in reached or at < 0 else 0
        if idle > IDLE:
            break
        reached.add(at)
    return tab.evaluate(MISSED, sorted(reached))
