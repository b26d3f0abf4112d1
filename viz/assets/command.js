// The command page in the browser: what time is shown, ages that grow, and views as links.
(function () {
  "use strict";
  const NONE = () => window.dash_clientside.no_update;
  let ahead = 0; // server clock less this clock, seconds
  let shownT = null; // what was last put on the slider, to tell it from a hand on the slider
  let range = null; // [since, until] of the slider
  let timeNow = {at: null, rate: 0};
  let simClock = null; // the rehearsal beside the picture

  const serverNow = () => Date.now() / 1000 + ahead;
  const shown = () => (timeNow.at === null ? serverNow() : timeNow.at);
  const two = (n) => String(n).padStart(2, "0");
  function clock(seconds, short) {
    const d = new Date(seconds * 1000);
    return `${two(d.getHours())}:${two(d.getMinutes())}${short ? "" : `:${two(d.getSeconds())}`}`;
  }
  function ageWords(s) {
    s = Math.max(s, 0);
    if (s < 90) return window.hutong.text("age.s", {n: Math.round(s)});
    if (s < 5400) return window.hutong.text("age.min", {n: Math.round(s / 60)});
    return window.hutong.text("age.h", {n: Math.round(s / 3600)});
  }

  function go(at, rate) {
    timeNow = {at, rate: rate || 0};
    window.dash_clientside.set_props("command-time", {data: timeNow});
  }

  const command = {
    // The server's picture came: keep its clock.
    met(facts) {
      if (facts && facts.now) ahead = facts.now - Date.now() / 1000;
      return NONE();
    },
    keep(time) {
      timeNow = time || {at: null, rate: 0};
      const button = document.getElementById("command-live");
      if (button) button.setAttribute("aria-pressed", String(timeNow.at === null));
      document.documentElement.dataset.shown = timeNow.at === null ? "live" : "past";
      return timeNow.at;
    },
    tick(span) {
      const now = serverNow();
      if (timeNow.at !== null && timeNow.rate) {
        const next = timeNow.at + timeNow.rate * 0.5;
        if (next >= now - 1) go(null); else if (Math.floor(next / timeNow.rate) !== Math.floor(timeNow.at / timeNow.rate)) go(next, timeNow.rate); else timeNow.at = next;
      }
      const t = shown(), seconds = Number(span || 3600);
      range = [Math.floor(now - seconds), Math.ceil(now)];
      const value = Math.round(Math.min(Math.max(t, range[0]), range[1]));
      if (document.getElementById("command-t") && (shownT !== value)) {
        shownT = value;
        window.dash_clientside.set_props("command-t", {min: range[0], max: range[1], value});
      }
      const share = 100 * (t - range[0]) / (range[1] - range[0]);
      document.querySelectorAll("[data-now]").forEach((line) => { line.style.left = `${Math.min(Math.max(share, 0), 100)}%`; });
      document.querySelectorAll("[data-since]").forEach((node) => {
        const words = ageWords(t - Number(node.dataset.since));
        if (node.textContent !== words) node.textContent = words;
      });
      document.querySelectorAll("[data-clock]").forEach((node) => { node.textContent = clock(Number(node.dataset.clock)); });
      const sim = simClock && document.getElementById("command-sim-clock");
      if (sim) {
        const {facts, lead} = simClock, at = Math.min(Math.max(t - facts.start + 60 * lead, 0), facts.duration);
        sim.textContent = `${clock(facts.start + at)}${at >= facts.duration ? ` · ${window.hutong.text("command.sim.over")}` : ""}`;
      }
      return [clock(t), new Date(t * 1000).toLocaleDateString(document.documentElement.lang, {month: "short", day: "numeric", weekday: "short"})];
    },
    slid(value) {
      if (value === null || value === undefined || shownT === null || Math.abs(value - shownT) < 1.5) return NONE();
      shownT = value;
      if (range && value >= range[1] - 2) go(null); else go(value);
      return NONE();
    },
    // Where a rehearsal from now is played: as far as the live picture is, and so many minutes on.
    simulated(facts, lead, language, theme) {
      if (!facts) return "";
      const put = () => {
        if (!document.getElementById("command-simulated")) return false;
        const t = Math.min(Math.max(shown() - facts.start + 60 * (lead || 0), 0), facts.duration);
        window.dash_clientside.set_props("command-simulated", {
          language, theme, playhead: {t, rate: 1, playing: timeNow.at === null && t < facts.duration}});
        simClock = {facts, lead: lead || 0};
        return true;
      };
      if (!put()) window.setTimeout(put, 600);
      return `+${Number(lead || 0)} min`;
    },
    // The address holds what is seen: camera, what is shown, list, selection, layout, moment.
    address(view, layers, states, list, selected, zones, time) {
      if (window.location.pathname !== "/command") return NONE();
      const asked = new URLSearchParams();
      if (view) asked.set("view", [...view.target, view.zoom, view.rotationX, view.rotationOrbit].map((v) => Number(v).toFixed(2)).join(","));
      else if (new URLSearchParams(window.location.search).get("view")) asked.set("view", new URLSearchParams(window.location.search).get("view"));
      asked.set("show", (layers || []).join(","));
      asked.set("states", (states || []).join(","));
      if (list) asked.set("list", list);
      if (selected && selected.id) asked.set("selected", `${selected.kind}:${selected.id}`);
      if (zones && zones !== "none") asked.set("zones", zones);
      if (time && time.at !== null) asked.set("at", String(Math.round(time.at)));
      const href = `/command?${asked}`;
      window.history.replaceState(window.history.state, "", href);
      return href;
    }
  };

  document.addEventListener("click", (event) => {
    if (!document.getElementById("command-time")) {
      if (!document.querySelector(".page-command")) return;
    }
    if (event.target.closest("#command-whatif-quick, #command-whatif-start")) {
      window.dash_clientside.set_props("command-whatif-state", {children: window.hutong.text("command.whatif.waiting")});
    }
    const step = event.target.closest("[data-step]"), moment = event.target.closest("[data-moment]");
    if (step) {
      const next = shown() + Number(step.dataset.step);
      go(next >= serverNow() - 1 ? null : next);
    } else if (moment) go(Number(moment.dataset.moment));
    else if (event.target.closest("#command-live")) go(null);
    else if (event.target.closest("#command-play")) {
      if (timeNow.at === null) go(shown() - 300, 10); else go(timeNow.at, timeNow.rate ? 0 : 10);
    } else if (event.target.closest(".page-command .spark-plot") && range) {
      const box = event.target.closest(".spark-plot").getBoundingClientRect();
      go(range[0] + ((event.clientX - box.left) / box.width) * (range[1] - range[0]));
    }
  });
  document.addEventListener("keydown", (event) => {
    if (!document.querySelector(".page-command") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [role=grid]")) return;
    if (event.key === "l" || event.key === "L") go(null);
    if (event.key === ",") go(shown() - 60);
    if (event.key === ".") { const next = shown() + 60; go(next >= serverNow() - 1 ? null : next); }
  });

  window.hutong = Object.assign(window.hutong || {}, {command});
  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
    hutongAge: (seconds) => (seconds === null || seconds === undefined ? "" : ageWords(seconds)),
    hutongFixed: (value, places) => (value === null || value === undefined ? "" : Number(value).toFixed(places)),
    hutongClock: (seconds) => (seconds === null || seconds === undefined ? "" : clock(seconds)),
    hutongLate: (minutes) => (minutes === null || minutes === undefined ? "" : `${minutes > 0 ? "+" : "−"}${ageWords(Math.abs(minutes) * 60)}`)
  });
})();
