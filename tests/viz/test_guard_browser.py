"""The guard in a real Chromium: the policy of the pages holds, and logging in, expiring and leaving read well."""

import time

import pytest
from browser_steps import shot
from guard_live import live_web
from guard_web import PASSWORD
from serving import serving

pytestmark = pytest.mark.browser
PAGES = ("twin", "plan", "rehearse", "playback", "compare")


def until(page, expression, within_s=30):
    """Wait for an expression as the browser's debugger sees it: the policy forbids what Playwright waits with."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never came true: {expression}")


@pytest.fixture
def strict(chromium, served):
    """A page with its policy in force; whatever the browser complains of fails the test."""
    address, _ = served
    context = chromium.new_context(viewport={"width": 1500, "height": 860}, base_url=address)
    page = context.new_page()
    wrong = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert wrong == []


@pytest.mark.parametrize("name", PAGES)
def test_every_page_works_under_the_policy(strict, name):
    asked = {"plan": "?scenario=evening&layout=checked", "playback": "?run=checked", "compare": "?a=open&b=checked"}
    strict.goto(f"/{name}{asked.get(name, '')}")
    scene = {"rehearse": None, "compare": "compare-scene-a"}.get(name, f"{name}-scene")
    if name == "twin":
        until(strict, f"Boolean(window.hutongScenes?.['{scene}']?.stats.ready)", 60)
    elif scene:
        until(strict, f"Boolean(window.hutongScenes?.['{scene}'])", 60)
    else:
        until(strict, "Boolean(document.querySelector('#rehearse-runs .ag-row'))")
    if name in ("plan", "compare"):
        until(strict, f"Boolean(document.querySelector('#{name}-table .ag-row'))")
    strict.click("#switch-theme")
    strict.click("#switch-language")
    until(strict, "document.documentElement.lang === 'zh-CN'")
    strict.wait_for_timeout(500)


def test_the_policy_is_really_in_force(chromium, served):
    page = chromium.new_page(base_url=served[0])
    page.goto("/login-is-no-page-here")
    ran = page.evaluate("""async () => {
        const node = document.createElement('script'); node.textContent = 'window.ranInline = 1';
        document.body.append(node);
        let evaluated = null;
        await new Promise((done) => setTimeout(() => {
            try { evaluated = new Function('return 1')(); } catch (error) { evaluated = error.name; } done(); }, 50));
        return [window.ranInline ?? null, evaluated];
    }""")
    page.close()
    assert ran == [None, "EvalError"]


# Logging in, being told, leaving


@pytest.fixture(scope="module")
def guarded(plaza, rehearsed, tmp_path_factory):
    """A live twin with accounts on a port of this machine: its address and the web behind it."""
    web = live_web(plaza, rehearsed / "runs", rehearsed / "scenarios", tmp_path_factory.mktemp("guarded"))
    with serving(web.server) as address:
        yield address, web
    web.close()


@pytest.fixture
def visitor(chromium, guarded):
    """A page of somebody who has not logged in; asking anything outside fails the test."""
    address, _ = guarded
    context = chromium.new_context(viewport={"width": 1400, "height": 800}, base_url=address, locale="en-GB")
    page = context.new_page()
    outside = []
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else outside.append(request.url))
    page.on("pageerror", lambda error: outside.append(str(error)))
    yield page
    context.close()
    assert outside == []


def log_in(page, account, password=PASSWORD):
    page.fill("input[name=account]", account)
    page.fill("input[name=password]", password)
    page.click("form button")


def poor_contrast(page):
    """Texts below WCAG AA, 4.5 to 1."""
    return page.evaluate("""() => {
      const number = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m; };
      const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((s, v, k) => s + v * [.2126, .7152, .0722][k], 0);
      const poor = [];
      for (const node of document.querySelectorAll('.login *')) {
        if (![...node.childNodes].some(n => n.nodeType === 3 && n.nodeValue.trim())) continue;
        let back = null, at = node;
        while (at && !back) { back = number(getComputedStyle(at).backgroundColor); at = at.parentElement; }
        const a = light(number(getComputedStyle(node).color)), b = light(back || [255, 255, 255]);
        if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5) poor.push(node.textContent);
      }
      return poor;
    }""")


def test_somebody_logs_in_with_the_keyboard_and_comes_to_the_page_that_was_asked_for(visitor):
    visitor.goto("/compare?a=open&b=checked")
    assert visitor.url.endswith("/login?next=/compare%3Fa%3Dopen%26b%3Dchecked")
    until(visitor, "document.activeElement.name === 'account'")
    visitor.keyboard.type("commander")
    visitor.keyboard.press("Tab")
    visitor.keyboard.type(PASSWORD)
    visitor.keyboard.press("Enter")
    visitor.wait_for_url("**/compare?a=open&b=checked")
    until(visitor, "document.querySelector('#session-who')?.textContent === 'commander'")
    assert visitor.evaluate("document.cookie").startswith("_csrf_token=")
    assert "hutong_session" not in visitor.evaluate("document.cookie")


def test_a_wrong_password_is_one_sentence_in_either_language(visitor):
    visitor.goto("/login")
    log_in(visitor, "commander", "wrong wrong wrong")
    until(visitor, "document.querySelector('#login-wrong').textContent === 'The account or the password is wrong.'")
    visitor.click("#login-language")
    until(visitor, "document.querySelector('#login-wrong').textContent === '账号或密码有误。'")
    assert visitor.inner_text("h1") == "登录胡同孪生"
    visitor.reload()
    until(visitor, "document.documentElement.lang === 'zh-CN'")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_login_page_can_be_read_in_light_and_dark(visitor, theme):
    visitor.goto("/login")
    visitor.evaluate(f"localStorage.setItem('theme', '\"{theme}\"')")
    visitor.goto("/login?next=/twin")
    until(visitor, f"document.documentElement.dataset.theme === '{theme}'")
    assert poor_contrast(visitor) == []
    log_in(visitor, "nobody", "wrong wrong wrong")
    until(visitor, "Boolean(document.querySelector('#login-wrong').textContent)")
    assert poor_contrast(visitor) == []
    shot(visitor, f"login-{theme}")


def test_a_page_shows_only_the_ways_that_are_open_and_a_way_out(visitor):
    visitor.goto("/login")
    log_in(visitor, "viewer")
    visitor.wait_for_url("**/twin")
    until(visitor, "Boolean(document.querySelector('#session-leave'))")
    shown = visitor.evaluate("[...document.querySelectorAll('.navs a')].filter(a => a.offsetParent).map(a => a.pathname)")
    assert set(shown) == {"/twin", "/playback", "/compare", "/study", "/people", "/camera", "/command"}
    visitor.click("#session-leave")
    visitor.wait_for_url("**/login")
    visitor.goto("/twin")
    assert "/login" in visitor.url


def test_a_page_that_is_not_allowed_says_one_sentence(visitor):
    visitor.goto("/login?next=/plan")
    log_in(visitor, "viewer")
    visitor.wait_for_url("**/plan")
    until(visitor, "document.querySelector('#session-notice')?.textContent.includes('Your roles do not allow this.')")
    shot(visitor, "session-refused")


def test_when_the_session_ends_the_page_says_one_sentence_and_how_to_go_on(visitor, guarded):
    _, web = guarded
    visitor.goto("/login?next=/compare")
    log_in(visitor, "analyst")
    visitor.wait_for_url("**/compare")
    until(visitor, "Boolean(document.querySelector('#session-leave'))")
    until(visitor, "Boolean(document.querySelector('#compare-table'))")
    web.guard.accounts.disable("analyst")
    visitor.click("#nav-twin")
    until(visitor, "document.querySelector('#session-notice')?.textContent.startsWith('The session has ended')")
    assert visitor.get_attribute("#session-notice a", "href").startswith("/login?next=%2F")
    shot(visitor, "session-ended")
    web.guard.accounts.disable("analyst", False)


def test_an_open_live_picture_is_ended_with_its_session(visitor, guarded, monkeypatch):
    import viz.guard.gate as gate
    monkeypatch.setattr(gate, "RECHECK_S", 0.2)
    _, web = guarded
    visitor.goto("/login?next=/command")
    log_in(visitor, "west")
    visitor.wait_for_url("**/command")
    until(visitor, "Boolean(document.querySelector('#session-leave'))")
    visitor.evaluate("window.opened = new WebSocket(`ws://${location.host}/ws/live`)")
    until(visitor, "window.opened.readyState === 1")
    web.guard.accounts.set_grids("west", ["community-east"])
    until(visitor, "window.opened.readyState === 3")
    until(visitor, "document.querySelector('#session-notice')?.textContent.startsWith('The session has ended')")
