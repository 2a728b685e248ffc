"use strict";
// Points of a figure tell what they are: to a pointer that is near, to a tap, and to the keyboard, where arrows go from one to the next.
document.addEventListener("DOMContentLoaded", () => {
  const NEAR = 18;
  let trials = JSON.parse(document.getElementById("tips").textContent);
  const tip = document.getElementById("tip");

  const words = (point) => point.dataset.told || (trials[point.dataset.trial] || [`trial ${point.dataset.trial}`]).join("\n");

  function light(point) {
    document.querySelectorAll(".lit").forEach((one) => one.classList.remove("lit"));
    if (!point) return;
    point.classList.add("lit");
    if (point.dataset.trial !== undefined) {
      document.querySelectorAll(`[data-trial="${point.dataset.trial}"]`).forEach((one) => one.classList.add("lit"));
    }
  }

  function show(point) {
    light(point);
    tip.textContent = words(point);
    const box = point.getBoundingClientRect();
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const above = box.top - tip.offsetHeight - 10;
    tip.style.left = `${Math.max(8, Math.min(box.left + box.width / 2 - tip.offsetWidth / 2, room)) + window.scrollX}px`;
    tip.style.top = `${(above > 0 ? above : box.bottom + 10) + window.scrollY}px`;
  }

  function hide() {
    tip.textContent = "";
    light(null);
  }

  function centre(point) {
    const [, x, y] = point.getAttribute("d").match(/^M(-?[\d.]+) (-?[\d.]+)/);
    return { point, x: Number(x), y: Number(y) };
  }

  function nearest(chart, places, event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    let found = null;
    let least = NEAR;
    for (const place of places) {
      const far = Math.hypot(place.x - at.x, place.y - at.y);
      if (far < least) [found, least] = [place.point, far];
    }
    return found;
  }

  function step(points, point, by) {
    const next = points[(points.indexOf(point) + by + points.length) % points.length];
    point.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  function equip(chart) {
    const places = [...chart.querySelectorAll(".point[data-trial], .point[data-told]")].map(centre);
    places.sort((one, other) => one.x - other.x || one.y - other.y);
    const points = places.map((place) => place.point);
    const look = (event) => {
      const point = nearest(chart, places, event);
      if (point) show(point);
      else hide();
    };
    chart.addEventListener("pointermove", look);
    chart.addEventListener("pointerdown", look);
    chart.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
    points.forEach((point, place) => {
      point.tabIndex = place ? -1 : 0;
      point.setAttribute("role", "img");
      point.setAttribute("aria-label", words(point));
      point.addEventListener("focus", () => show(point));
      point.addEventListener("blur", hide);
    });
    chart.setAttribute("role", "group");
    chart.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!by || !points.includes(document.activeElement)) return;
      event.preventDefault();
      step(points, document.activeElement, by);
    });
  }

  document.querySelectorAll("svg.told").forEach(equip);
  // A page that grows says which figures are new, and what its trials are by now.
  document.addEventListener("drawn", (event) => {
    trials = event.detail.tips;
    event.detail.figures.forEach((figure) => figure.querySelectorAll("svg.told").forEach(equip));
  });
});
