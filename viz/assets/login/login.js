// The login page: the language and the colours that were chosen inside, and nobody is asked twice.
(function () {
  "use strict";
  function recall(name) {
    try { return JSON.parse(localStorage.getItem(name)); } catch { return null; }
  }
  const dark = window.matchMedia && window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = recall("theme") || (dark ? "dark" : "light");
  document.getElementById("login-language").addEventListener("click", () => {
    const other = document.documentElement.lang === "zh-CN" ? "en" : "zh";
    try { localStorage.setItem("language", JSON.stringify(other)); } catch { /* private window */ }
    window.hutong.speak(other);
  });
  // Somebody who follows a link from another site comes without the session; here it is shown again.
  const wanted = document.querySelector("input[name=next]").value;
  if (!document.getElementById("login-wrong").dataset.word && document.cookie.includes("_csrf_token=")) {
    fetch("/api/me").then((answer) => { if (answer.ok) window.location.replace(wanted); }).catch(() => {});
  }
})();
