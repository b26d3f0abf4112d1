// Puts the chosen language's text wherever the page carries a key: data-word, data-word-label, ...
(function () {
  "use strict";
  const words = window.hutongWords || {en: {}};
  let language = null;

  function text(key, values, spoken) {
    const template = (words[spoken || language] || words.en)[key] ?? words.en[key] ?? key;
    return template.replace(/\{(\w+)\}/g, (whole, name) => (values && name in values ? values[name] : whole));
  }

  function put(node) {
    if (node.dataset.word) {
      const wanted = text(node.dataset.word, node.dataset.values ? JSON.parse(node.dataset.values) : null);
      const first = node.firstChild;
      if (first && first.nodeType === Node.TEXT_NODE) {
        if (first.nodeValue !== wanted) first.nodeValue = wanted;
      } else if (!first) node.textContent = wanted;
    }
    const field = node.matches("input, textarea, button") ? node : node.querySelector("input, textarea") || node;
    if (node.dataset.wordLabel) set(field, "aria-label", text(node.dataset.wordLabel));
    if (node.dataset.wordPlaceholder) set(field, "placeholder", text(node.dataset.wordPlaceholder));
    if (node.dataset.wordTitle) set(node, "title", text(node.dataset.wordTitle));
  }

  function set(node, name, value) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }

  const MARKED = "[data-word], [data-word-label], [data-word-placeholder], [data-word-title]";
  function putAll(root) {
    if (root.matches && root.matches(MARKED)) put(root);
    root.querySelectorAll(MARKED).forEach(put);
  }

  const observer = new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "childList") change.addedNodes.forEach((node) => {
        if (node.nodeType === Node.ELEMENT_NODE) putAll(node);
        else if (change.target.dataset && change.target.dataset.word) put(change.target);
      });
      else if (change.type === "characterData") {
        const parent = change.target.parentElement;
        if (parent && parent.dataset.word) put(parent);
      } else if (change.target.matches(MARKED)) put(change.target);
    }
  });

  function speak(chosen) {
    if (chosen === language) return;
    language = chosen;
    document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
    document.title = text("app.title");
    putAll(document.body);
  }

  window.hutong = Object.assign(window.hutong || {}, {speak, text});
  let started = false;
  if (document.body) start(); else document.addEventListener("DOMContentLoaded", start);
  function start() {
    if (started) return;
    started = true;
    let stored = null;
    try { stored = JSON.parse(localStorage.getItem("language")); } catch { /* first visit */ }
    speak(stored || window.hutongFirstLanguage || "en");
    observer.observe(document.body, {childList: true, subtree: true, characterData: true, attributes: true,
      attributeFilter: ["data-word", "data-values", "data-word-label", "data-word-placeholder", "data-word-title"]});
  }
})();
