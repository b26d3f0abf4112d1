// Folding panels, filling the wall, light and dark: what the head of the page does without the server.
(function () {
  "use strict";
  const root = document.documentElement;

  function remember(name, value) {
    try { localStorage.setItem(`hutong.${name}`, value); } catch { /* private window */ }
  }
  function recall(name) {
    try { return localStorage.getItem(`hutong.${name}`); } catch { return null; }
  }

  for (const side of ["left", "right", "bottom"]) {
    if (recall(`fold.${side}`) === "folded") root.dataset[side] = "folded";
  }

  window.setInterval(() => {
    document.querySelectorAll("[data-loading]").forEach((note) => {
      const scene = (window.hutongScenes || {})[note.dataset.loading];
      note.hidden = Boolean(scene && scene.stats.ready);
    });
  }, 250);

  function toggleFold(side) {
    const folded = root.dataset[side] !== "folded";
    if (folded) root.dataset[side] = "folded"; else delete root.dataset[side];
    remember(`fold.${side}`, folded ? "folded" : "open");
    window.dispatchEvent(new Event("resize"));
  }
  function toggleWall() {
    if (root.dataset.wall) delete root.dataset.wall; else root.dataset.wall = "filled";
    window.dispatchEvent(new Event("resize"));
  }

  document.addEventListener("click", (event) => {
    const fold = event.target.closest("[data-fold]");
    if (fold) toggleFold(fold.dataset.fold);
    if (event.target.closest("[data-wall]")) toggleWall();
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.target.closest("input, textarea")) {
      const key = event.key.toLowerCase();
      const wanted = key === "z" && !event.shiftKey ? "[data-undo]" : key === "y" || (key === "z" && event.shiftKey) ? "[data-redo]" : null;
      const button = wanted && document.querySelector(wanted);
      if (button) { event.preventDefault(); button.click(); }
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && root.dataset.wall) toggleWall();
    if (event.target.closest("input, textarea, select, [contenteditable], [role=grid], [role=application]")) return;
    const side = {"[": "left", "]": "right", "\\": "bottom"}[event.key];
    if (side) toggleFold(side);
    if (event.key === "f" || event.key === "F") toggleWall();
    if (event.key === "/") {
      const search = document.querySelector("[data-search] input, input[data-search]");
      if (search) { event.preventDefault(); search.focus(); }
    }
    if (event.key === " " && !event.target.closest("button, a")) {
      const play = document.querySelector("[data-play]");
      if (play) { event.preventDefault(); play.click(); }
    }
  });

  window.hutong = Object.assign(window.hutong || {}, {
    paint(theme) {
      root.dataset.theme = theme;
      root.dataset.agThemeMode = theme;
      document.body.dataset.agThemeMode = theme;
    },
    here(path, pages) {
      for (const page of pages) {
        const link = document.getElementById(`nav-${page}`);
        if (!link) continue;
        if (path === `/${page}`) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
      }
      return pages.map((page) => (path === `/${page}` ? "nav nav-here" : "nav"));
    }
  });
  try { window.hutong.paint(JSON.parse(localStorage.getItem("theme")) || "light"); } catch { /* before the body is there */ }
})();
