// The session on a page: who is logged in, a way out, and one sentence when it has ended or something is not allowed.
(function () {
  "use strict";
  const ENDED = 4401;
  const plainFetch = window.fetch.bind(window);
  let told = null;

  function echo() {
    const found = document.cookie.split("; ").find((part) => part.startsWith("_csrf_token="));
    return found ? found.slice("_csrf_token=".length) : "";
  }
  const loggedIn = Boolean(echo());
  function loginAddress() {
    return `/login?next=${encodeURIComponent(window.location.pathname + window.location.search)}`;
  }
  function words(key, tag) {
    const node = document.createElement(tag);
    node.dataset.word = key;
    node.textContent = window.hutong.text(key);
    return node;
  }

  function tell(key) {
    if (told === "session.ended" || told === key) return;
    document.getElementById("session-notice")?.remove();
    told = key;
    const notice = document.createElement("div");
    notice.id = "session-notice";
    notice.setAttribute("role", "alert");
    notice.append(words(key, "span"));
    if (key === "session.ended") {
      const link = words("session.again", "a");
      link.href = loginAddress();
      notice.append(link);
    } else {
      const close = document.createElement("button");
      close.type = "button";
      close.textContent = "×";
      close.setAttribute("aria-label", window.hutong.text("session.close"));
      close.addEventListener("click", () => { notice.remove(); told = null; });
      notice.append(close);
    }
    document.body.append(notice);
  }

  window.fetch = async function (...asked) {
    const answer = await plainFetch(...asked);
    const address = new URL(answer.url || window.location.href, window.location.href);
    const sentence = {401: "session.ended", 403: "session.refused", 429: "session.wait"}[answer.status];
    if (!sentence || address.origin !== window.location.origin) return answer;
    tell(sentence);
    // A callback that was refused changes nothing, which Dash knows as 204; it stumbles over 401.
    return address.pathname.endsWith("/_dash-update-component") ? new Response(null, {status: 204}) : answer;
  };
  const PlainSocket = window.WebSocket;
  window.WebSocket = class extends PlainSocket {
    constructor(...asked) {
      super(...asked);
      this.addEventListener("close", (event) => { if (event.code === ENDED) tell("session.ended"); });
    }
  };

  async function leave() {
    await plainFetch("/logout", {method: "POST", headers: {"X-CSRFToken": echo()}});
    window.location.assign("/login");
  }

  // What the head shows is only for looks: the server asks again about everything.
  function show(me) {
    for (const link of document.querySelectorAll(".navs a[href]")) {
      link.hidden = !me.pages.includes(new URL(link.href).pathname);
    }
    if (document.getElementById("session-leave")) return;
    const who = document.createElement("span");
    who.id = "session-who";
    who.textContent = me.account;
    who.title = me.roles.join(", ");
    const out = words("session.leave", "button");
    out.id = "session-leave";
    out.type = "button";
    out.className = "quiet";
    out.addEventListener("click", leave);
    document.querySelector(".switches").append(who, out);
  }
  async function start() {
    const answer = await window.fetch("/api/me");
    if (!answer.ok) return;
    const me = await answer.json();
    const put = () => { if (document.querySelector(".switches")) { show(me); return true; } return false; };
    if (put()) return;
    const observer = new MutationObserver(() => { if (put()) observer.disconnect(); });
    observer.observe(document.documentElement, {childList: true, subtree: true});
  }
  if (loggedIn) start();
})();
