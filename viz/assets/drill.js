// The drill page: which drills there are, the socket of one, and what the role is shown of it.
(function () {
  "use strict";
  const RETRY_MS = 1200, GONE = 4404, REFUSED = 1008, ENDED = 4401;
  const NONE = () => window.dash_clientside.no_update;
  const byId = (id) => document.getElementById(id);
  let here = null; // the drill of this page: {id, who, about, parts, you, socket}
  let known = "";

  // -- small things ------------------------------------------------------------------------------------------------

  function node(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "word") made.dataset.word = value;
      else if (name === "values") made.dataset.values = JSON.stringify(value);
      else if (name === "on") made.addEventListener("click", value);
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    if (attributes && attributes.word) made.textContent = window.hutong.text(attributes.word, attributes.values);
    return made;
  }
  const chinese = () => document.documentElement.lang.startsWith("zh");
  const either = (thing, key) => (chinese() && thing[`${key}_zh`]) || thing[key] || "";
  function clock(seconds) {
    const whole = Math.max(Math.round(seconds), 0);
    const two = (n) => String(n).padStart(2, "0");
    return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  }
  function fill(id, children) {
    const box = byId(id);
    if (box) box.replaceChildren(...children);
  }

  async function ask(method, path, body) {
    const cookie = document.cookie.split("; ").find((part) => part.startsWith("_csrf_token="));
    const headers = {"Content-Type": "application/json"};
    if (cookie) headers["X-CSRFToken"] = cookie.slice("_csrf_token=".length);
    const answer = await window.fetch(path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body)});
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(said.error || String(answer.status));
    return said;
  }
  async function tried(work) {
    try {
      return await work();
    } catch (error) {
      answer(error.message, "refused");
      return null;
    }
  }
  function answer(sentence, outcome) {
    const box = byId("drill-answer") || byId("drill-lobby");
    if (!box) return;
    if (box.id === "drill-lobby") box.append(node("p", {class: "error", role: "alert"}, sentence));
    else { box.textContent = sentence; box.dataset.outcome = outcome || ""; }
    const lobby = byId("drill-lobby");
    if (lobby && !here) lobby.append(node("p", {class: "error", role: "alert"}, sentence));
  }

  // -- before a drill ------------------------------------------------------------------------------------------------

  async function lobby() {
    const box = byId("drill-lobby");
    if (!box) return;
    const me = document.cookie.includes("_csrf_token=") ? await ask("GET", "/api/me").catch(() => null) : null;
    const list = await tried(() => ask("GET", "/api/drills"));
    if (!list || here) return;
    const leads = !me || (me.roles || []).includes("trainer");
    const parts = [node("h2", {word: "drill.title"})];
    const started = list.started.filter((one) => one.stage !== "failed");
    if (started.length) {
      parts.push(node("h3", {word: "drill.started"}), node("ul", {class: "drill-list"}, ...started.map((one) => node("li", {},
        node("button", {class: "hit", type: "button", "data-drill-join": one.id, on: () => enter(one.id, me)},
          node("span", {}, either(one, "title") || one.drill), node("small", {word: `drill.stage.${one.stage}`}))))));
    }
    if (leads) {
      parts.push(node("h3", {word: "drill.start"}), node("ul", {class: "drill-list"}, ...list.drills.map((name) => node("li", {},
        node("button", {class: "hit", type: "button", "data-drill-start": name, on: () => start(name)}, node("span", {}, name))))));
    } else if (!started.length) parts.push(node("p", {class: "note", word: "drill.none"}));
    box.replaceChildren(...parts);
  }
  async function start(name) {
    const made = await tried(() => ask("POST", "/api/drills", {drill: name}));
    if (made) enter(made.id, null);
  }
  async function enter(id, me) {
    const about = await tried(() => ask("GET", `/api/drills/${encodeURIComponent(id)}`));
    if (!about) return;
    const named = Boolean(document.cookie.includes("_csrf_token="));
    const account = me || (named ? await ask("GET", "/api/me").catch(() => null) : null);
    const name = node("input", {id: "drill-who", maxlength: 40, class: "drill-field", "data-word-placeholder": "drill.callsign", "data-word-label": "drill.callsign"});
    const choose = (role, title) => node("button", {class: "hit", type: "button", "data-drill-role": role, on: async () => {
      const joined = await tried(() => ask("POST", `/api/drills/${encodeURIComponent(id)}/members`,
        {role, who: named ? undefined : name.value.trim() || undefined}));
      if (joined) go(id, joined.name);
    }}, title);
    const roles = Object.entries(about.roles).map(([role, one]) => choose(role, node("span", {}, either(one, "title"))));
    const trainer = !account || (account.roles || []).includes("trainer") ? [choose("trainer", node("span", {word: "drill.trainer"}))] : [];
    fill("drill-lobby", [node("h2", {}, either(about, "title") || about.drill), named ? null : name, node("h3", {word: "drill.role"}),
      ...trainer, ...roles, node("button", {class: "quiet", type: "button", word: "drill.back", on: lobby})].filter(Boolean));
  }
  function go(id, who) {
    const asked = new URLSearchParams({id});
    if (!document.cookie.includes("_csrf_token=")) asked.set("who", who);
    window.history.replaceState(window.history.state, "", `/drill?${asked}`);
    open(`?${asked}`);
  }

  // -- in a drill ----------------------------------------------------------------------------------------------------

  function open(search) {
    if (!byId("drill-lobby")) { close(); return NONE(); }
    const asked = new URLSearchParams(search || window.location.search);
    const id = asked.get("id"), who = asked.get("who");
    const key = `${id}|${who}`;
    if (here && known === key && byId("drill-lobby").dataset.drill === key) return NONE();
    close();
    if (!id) { lobby(); return NONE(); }
    known = key;
    byId("drill-lobby").dataset.drill = key;
    here = {id, who, parts: {}, you: null, about: null, closed: false, shown: ""};
    connect(here);
    return NONE();
  }
  function close() {
    if (!here) return;
    here.closed = true;
    here.socket?.close();
    here = null;
  }
  async function connect(drill) {
    if (!drill.about) {
      drill.about = await tried(() => ask("GET", `/api/drills/${encodeURIComponent(drill.id)}`));
      if (drill.closed) return;
      if (!drill.about) { here = null; lobby(); return; }
      scene(drill);
    }
    const address = new URL(`/ws/drill/${encodeURIComponent(drill.id)}${drill.who ? `?who=${encodeURIComponent(drill.who)}` : ""}`, window.location.href);
    address.protocol = address.protocol.replace(/^http/, "ws");
    drill.socket = new WebSocket(address);
    drill.socket.onmessage = (message) => {
      const said = JSON.parse(message.data);
      drill.you = said.you;
      Object.assign(drill.parts, said.parts);
      if (here === drill) show(drill, said.parts);
    };
    drill.socket.onclose = (event) => {
      if (drill.closed) return;
      if (event.code === GONE || event.code === REFUSED) { here = null; enter(drill.id, null); return; }
      if (event.code !== ENDED) window.setTimeout(() => { if (!drill.closed) connect(drill); }, RETRY_MS);
    };
  }
  function scene(drill) {
    const set = () => {
      if (drill.closed) return;
      if (!(window.hutongScenes || {})["drill-scene"]) { window.setTimeout(set, 200); return; }
      window.dash_clientside.set_props("drill-scene", {
        sceneUrl: drill.about.scene_url, streamUrl: `/ws/drill/${encodeURIComponent(drill.id)}/people`,
        setView: drill.about.view, overlays: drill.about.overlays});
    };
    set();
  }

  function show(drill, changed) {
    const {you, parts, about} = drill;
    const trainer = you.role === "trainer";
    byId("drill-lobby").hidden = true;
    byId("drill-lead").hidden = !trainer;
    byId("drill-take").hidden = trainer;
    byId("drill-acts").hidden = false;
    byId("drill-title").textContent = either(about, "title");
    byId("drill-you").textContent = `${you.name} · ${trainer ? window.hutong.text("drill.trainer") : either(about.roles[you.role], "title")}`;
    if (!byId("drill-form").dataset.role) { byId("drill-form").dataset.role = you.role; form(drill); addForm(drill); }
    if (changed.clock) showClock(parts.clock, trainer);
    if (changed.stage) showStage(drill);
    if (changed.lines) (trainer ? showInjects : showInbox)(drill);
    if (changed.decisions) showLog(parts.decisions);
    if (changed.members) showMembers(parts.members);
    if (changed.things) showThings(parts.things);
    if (changed.things || changed.units || changed.calls) draw(drill);
    if (changed.calls || changed.units) refreshChoices(drill);
  }
  function showClock(now, trainer) {
    byId("drill-clock").textContent = clock(now.t);
    document.querySelectorAll("[data-drill]").forEach((span) => { if (span.dataset.drill in now) span.textContent = now[span.dataset.drill]; });
    const state = byId("drill-state");
    state.dataset.word = now.over ? "drill.over" : now.playing ? "drill.running" : "drill.paused";
    state.textContent = window.hutong.text(state.dataset.word);
    document.documentElement.dataset.drill = now.over ? "over" : now.playing ? "running" : "paused";
    if (!trainer) return;
    const play = byId("drill-play").firstElementChild;
    play.dataset.word = now.playing ? "drill.pause" : "drill.play";
    byId("drill-play").setAttribute("aria-pressed", String(now.playing));
    document.querySelectorAll("[data-drill-speed]").forEach((button) => {
      button.setAttribute("aria-pressed", String(Number(button.dataset.drillSpeed) === now.speed)); });
    byId("drill-lag").textContent = now.lag_p99_s > 0.5 ? window.hutong.text("drill.lag", {s: now.lag_p99_s}) : "";
  }
  function showStage(drill) {
    const stage = drill.parts.stage;
    if (stage.stage === "failed") answer(stage.error, "refused");
    if (stage.stage !== "finished" || byId("drill-report")) return;
    const link = node("a", {id: "drill-report", class: "linkbutton", target: "_blank", word: "drill.report",
      href: `/api/drills/${encodeURIComponent(drill.id)}/report?language=${chinese() ? "zh" : "en"}`});
    byId("drill-form").replaceChildren(node("p", {word: "drill.is_over"}), link);
  }
  function showInjects(drill) {
    const act = (serial, what) => tried(() => ask("POST", `/api/drills/${encodeURIComponent(drill.id)}/injects/${serial}/${what}`, who(drill)));
    fill("drill-injects", drill.parts.lines.map((line) => node("li", {"data-inject": line.serial, "data-state": line.state},
      node("div", {class: "drill-head"}, node("b", {}, `${line.serial} · ${clock(line.out_s ?? line.at_s)}`),
        node("span", {class: "tag"}, line.to), node("span", {class: "tag", word: `drill.line.${line.state}`})),
      node("div", {}, either(line, "inject")),
      line.expected ? node("div", {class: "note"}, `→ ${line.expected}`) : null, line.note ? node("div", {class: "note"}, line.note) : null,
      line.state === "waiting" ? node("div", {class: "row tight"},
        node("button", {type: "button", class: "bandbutton", word: "drill.publish", "data-publish": line.serial, on: () => act(line.serial, "publish")}),
        node("button", {type: "button", class: "bandbutton", word: "drill.skip", "data-skip": line.serial, on: () => act(line.serial, "skip")})) : null)));
  }
  function showInbox(drill) {
    const newest = [...drill.parts.lines].sort((a, b) => b.out_s - a.out_s || b.serial - a.serial);
    fill("drill-inbox", newest.map((line, k) => node("li", {"data-inject": line.serial, class: k ? "" : "drill-newest"},
      node("div", {class: "drill-head"}, node("b", {}, clock(line.out_s)), node("span", {class: "tag"}, line.method), node("span", {class: "note"}, line.from)),
      node("div", {}, either(line, "inject")))));
  }
  function showLog(decisions) {
    fill("drill-log", [...decisions].reverse().slice(0, 200).map((one) => node("li", {"data-decision": one.number, "data-outcome": one.outcome},
      node("div", {class: "drill-head"}, node("b", {}, `#${one.number} ${clock(one.at_s)}`), node("span", {class: "who"}, one.who),
        node("span", {class: "tag", word: `drill.outcome.${one.outcome.replace(" ", "_")}`})),
      node("div", {class: "drill-do"}, one.do), one.said ? node("div", {class: "note"}, one.said) : null)));
  }
  function showMembers(members) {
    fill("drill-members", members.map((one) => node("span", {class: "tag", "data-here": one.here}, `${one.name} (${one.role})${one.here ? "" : " ⏻"}`)));
  }
  function showThings(things) {
    fill("drill-things", Object.entries(things).map(([name, state]) => node("span", {class: "drill-thing", "data-thing": name, "data-state": state},
      node("span", {}, name), node("b", /^\d/.test(state) ? {} : {word: `drill.thing.${state}`}, ...(/^\d/.test(state) ? [state] : [])))));
  }

  // What is drawn: the layout as it is now, incidents that are known, units where they are.
  function draw(drill) {
    const {things = {}, units = [], calls = []} = drill.parts;
    const said = (state) => window.hutong.text(`drill.thing.${state}`);
    const drawn = drill.about.overlays.filter((one) => one.kind !== "closure" || things[`closure:${one.id}`] !== "open")
      .filter((one) => one.kind !== "barrier" || things[`barrier:${one.id}`] !== "open").map((one) => {
        const state = things[`${one.kind}:${one.id.replace(/^entry:/, "")}`];
        if (!state || !["gate", "entry", "checkpoint"].includes(one.kind)) return one;
        if (/^\d/.test(state)) return {...one, label: `${one.label} ${state}`};
        return state === "shut" ? {...one, label: `${one.label} · ${said(state)}`} : one;
      });
    for (const call of calls) if (!call.complete) {
      drawn.push({id: `incident:${call.id}`, kind: "incident", label: call.title || call.id, geometry: {type: "Point", coordinates: [call.x, call.y]}});
    }
    for (const unit of units) {
      drawn.push({id: `unit:${unit.id}`, kind: "post", label: unit.id, geometry: {type: "Point", coordinates: [unit.x, unit.y]}});
    }
    const text = JSON.stringify(drawn);
    if (text === drill.shown || !(window.hutongScenes || {})["drill-scene"]) return;
    drill.shown = text;
    window.dash_clientside.set_props("drill-scene", {overlays: drawn});
  }

  // -- orders --------------------------------------------------------------------------------------------------------

  const who = (drill) => (drill.who ? {who: drill.who} : {});
  function select(id, label, choices, put) {
    const made = node("select", {id, class: "drill-field", "data-word-label": label}, ...choices.map(([value, shown]) => node("option", {value}, shown)));
    if (put) made.addEventListener("change", put);
    return made;
  }
  function form(drill) {
    const may = drill.you.role === "trainer" ? Object.keys(drill.about.choices) : Object.keys(drill.about.choices).filter((verb) =>
      drill.about.may[drill.you.role].includes(verb));
    const verb = node("select", {id: "drill-verb", class: "drill-field", "data-word-label": "drill.verb"},
      ...may.map((one) => node("option", {value: one, word: `drill.verb.${one}`})));
    verb.addEventListener("change", () => refreshChoices(drill, true));
    const give = node("button", {id: "drill-give", type: "button", class: "livebutton", word: "drill.give", on: async () => {
      const to = byId("drill-to");
      const line = `${verb.value} ${byId("drill-what").value}${to.hidden || !to.value ? "" : ` to ${to.value}`}`;
      const made = await tried(() => ask("POST", `/api/drills/${encodeURIComponent(drill.id)}/orders`, {do: line, ...who(drill)}));
      if (made) answer(`${made.do}: ${made.said}`, made.outcome);
    }});
    fill("drill-form", [verb, select("drill-what", "drill.what", []), select("drill-to", "drill.to", []), give]);
    refreshChoices(drill, true);
  }
  function refreshChoices(drill, anew) {
    const verb = byId("drill-verb"), what = byId("drill-what"), to = byId("drill-to");
    if (!verb || !what || !to || document.activeElement === what || document.activeElement === to) return;
    const choice = drill.about.choices[verb.value];
    if (!choice) return;
    const calls = (drill.parts.calls || []).filter((call) => !call.complete).map((call) => `incident:${call.id}`);
    const units = (drill.parts.units || []).filter((unit) => unit.free).map((unit) => `unit:${unit.id}`);
    const live = (names) => names.flatMap((name) => (name === "incident:*" ? calls : name === "unit:*" ? units : [name]));
    for (const [box, names] of [[what, live(choice.what)], [to, live(choice.to)]]) {
      const text = names.join("|");
      if (box.dataset.names === text && !anew) continue;
      const before = box.value;
      box.dataset.names = text;
      box.replaceChildren(...names.map((name) => node("option", {value: name}, name)));
      if (names.includes(before)) box.value = before;
      box.hidden = box === to && !names.length;
    }
  }
  function addForm(drill) {
    if (drill.you.role !== "trainer" || !byId("drill-add")) return;
    const text = node("textarea", {id: "drill-add-text", rows: 3, maxlength: 600, class: "drill-field", "data-word-label": "drill.add.text", "data-word-placeholder": "drill.add.text"});
    const to = select("drill-add-to", "drill.add.to", [["all", "all"], ...Object.keys(drill.about.roles).map((role) => [role, role])]);
    const event = select("drill-add-event", "drill.add.event", [["", "–"], ...drill.about.incidents.map((one) => [one, one])]);
    const wanted = node("input", {id: "drill-add-expected", class: "drill-field", "data-word-label": "drill.add.expected", "data-word-placeholder": "drill.add.expected"});
    const add = node("button", {id: "drill-add-give", type: "button", class: "bandbutton", word: "drill.add.give", on: async () => {
      const made = await tried(() => ask("POST", `/api/drills/${encodeURIComponent(drill.id)}/injects`,
        {inject: text.value, to: to.value, event: event.value, expected: wanted.value, ...who(drill)}));
      if (made) { text.value = ""; wanted.value = ""; }
    }});
    fill("drill-add", [text, to, event, wanted, add]);
  }
  document.addEventListener("click", (event) => {
    if (!here || !here.you) return;
    const drill = here, path = `/api/drills/${encodeURIComponent(drill.id)}`;
    const speed = event.target.closest("[data-drill-speed]");
    if (speed) tried(() => ask("PUT", `${path}/pace`, {speed: Number(speed.dataset.drillSpeed)}));
    else if (event.target.closest("#drill-play")) tried(() => ask("PUT", `${path}/pace`, {playing: !drill.parts.clock.playing}));
    else if (event.target.closest("#drill-step")) tried(() => ask("PUT", `${path}/pace`, {step_s: 10}));
    else if (event.target.closest("#drill-events")) { event.preventDefault(); window.location.assign(`${path}/events.xlsx`); }
    else if (event.target.closest("#drill-end") && window.confirm(window.hutong.text("drill.end.sure"))) tried(() => ask("DELETE", path));
  });

  window.hutong = Object.assign(window.hutong || {}, {drill: {open, state: () => here}});
})();
