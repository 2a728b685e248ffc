"use strict";
// Asks every two seconds how the search stands, and changes what has changed; the rest of the page stays as it is.
document.addEventListener("DOMContentLoaded", () => {
  const EVERY_MS = 2000;
  const shown = {};
  const at = (name) => document.getElementById(name);

  function put(name, html) {
    if (shown[name] === html) return false;
    shown[name] = html;
    at(name).innerHTML = html;
    return true;
  }

  // Who has gone to a point with the keyboard is still on it when its figure is drawn anew.
  function redraw(name, html) {
    const figure = at(name);
    const point = figure.contains(document.activeElement) ? document.activeElement : null;
    const mark = point && { trial: point.dataset.trial, told: point.dataset.told };
    return put(name, html) && { figure, mark };
  }

  function follow({ figure, mark }) {
    if (!mark) return;
    const same = (point) => point.dataset.trial === mark.trial && point.dataset.told === mark.told;
    const found = [...figure.querySelectorAll(".point")].find(same);
    if (found) found.focus();
  }

  function draw(state) {
    for (const { name } of state.figures) {
      if (!at(name)) at("figures").append(Object.assign(document.createElement("figure"), { id: name }));
    }
    const changed = state.figures.map(({ name, html }) => redraw(name, html)).filter(Boolean);
    document.dispatchEvent(new CustomEvent("drawn", { detail: { tips: state.tips, figures: changed.map((one) => one.figure) } }));
    changed.forEach(follow);
    ["standing", "latest"].forEach((name) => put(name, state[name]));
    document.title = state.title;
  }

  async function look() {
    let state;
    try {
      state = await (await fetch("state.json")).json();
    } catch {
      put("standing", "Nobody answers any more: the page was stopped, or its search. This is what was seen last.");
      return;
    }
    draw(state);
    if (!state.complete) setTimeout(look, EVERY_MS);
  }

  look();
});
