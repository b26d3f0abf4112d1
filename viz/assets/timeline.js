// The clock of a page with time: it runs here, and the scene's stream is told only when somebody changes it.
(function () {
  "use strict";
  const NONE = () => window.dash_clientside.no_update;
  const shown = {}; // what the clock last put on the slider, to tell it from a hand on the slider
  const lengths = {};

  function timeOf(head, facts) {
    const t = head.playing ? head.t + ((Date.now() - head.at) / 1000) * head.rate : head.t;
    return Math.min(Math.max(t, 0), facts ? facts.duration : t);
  }

  function head(name, [plays, speed, slider, marks, facts, before]) {
    const context = window.dash_clientside.callback_context;
    const by = context.triggered_id;
    const now = {t: timeOf(before, facts), rate: Number(speed), playing: before.playing, at: Date.now()};
    const changed = context.triggered.length ? context.triggered[0].prop_id : "";
    if (!facts) return NONE();
    lengths[name] = facts.duration;
    if (by && typeof by === "object") {
      if (!marks.some(Boolean)) return NONE();
      return {...now, t: by.t};
    }
    if (changed.startsWith(`${name}-play`)) {
      if (!plays) return NONE();
      const over = now.t >= facts.duration - 0.5;
      return {...now, t: !before.playing && over ? 0 : now.t, playing: over ? true : !before.playing};
    }
    if (changed.startsWith(`${name}-t.`)) {
      if (shown[name] !== undefined && Math.abs(slider - shown[name]) < 0.75) return NONE();
      shown[name] = slider;
      return {...now, t: slider};
    }
    if (changed.startsWith(`${name}-facts`)) return {...now, t: Math.min(now.t, facts.duration)};
    return now;
  }

  function two(n) { return String(Math.floor(n)).padStart(2, "0"); }
  function clock(seconds) {
    const s = ((seconds % 86400) + 86400) % 86400;
    return `${two(s / 3600)}:${two((s / 60) % 60)}:${two(s % 60)}`;
  }

  function tick(name, now, facts) {
    const none = NONE();
    const outputs = window.dash_clientside.callback_context.outputs_list.length;
    if (!facts || !now) return Array(outputs).fill(none);
    const t = timeOf(now, facts);
    const whole = Math.round(t);
    if (shown[name] !== whole) {
      // Not an output of the callback: the slider also sets the clock, and Dash would see a circle.
      shown[name] = whole;
      window.dash_clientside.set_props(`${name}-t`, {value: whole});
    }
    const share = facts.duration > 0 ? t / facts.duration : 0;
    document.querySelectorAll(`[data-cursor="${name}"]`).forEach((line) => { line.style.left = `${100 * share}%`; });
    const over = now.playing && t >= facts.duration;
    const out = [now.playing && !over ? "❚❚" : "▶", clock(facts.day_s + t), `+${clock(t)}`];
    if (outputs > 3) {
      let k = 0;
      while (k + 1 < facts.t.length && facts.t[k + 1] <= t) k++;
      const {inside, queue, density} = facts.curves;
      out.push(String(Math.round(inside[k] ?? 0)), String(Math.round(queue[k] ?? 0)), `${(density[k] ?? 0).toFixed(1)} /m²`);
    }
    return out;
  }

  document.addEventListener("click", (event) => {
    const plot = event.target.closest("[data-spark]");
    if (!plot || !window.dash_clientside.set_props) return;
    const name = plot.dataset.spark, box = plot.getBoundingClientRect();
    const t = Math.round(((event.clientX - box.left) / box.width) * (lengths[name] || 0));
    shown[name] = undefined;
    window.dash_clientside.set_props(`${name}-t`, {value: t});
  });

  window.hutong = Object.assign(window.hutong || {}, {head, tick});
})();
